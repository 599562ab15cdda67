/* dictate models get: a child process fetches, we check.  Main thread; no network code of our own.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/base/err.h"
#include "app/base/file.h"
#include "app/models_known.h"
#include "app/setup.h"
#include "app/sha1.h"

#define HUB "https://huggingface.co/ggerganov/whisper.cpp/resolve/main"

const struct models_known models_known[] = {
    {"tiny", "75 MiB", "bd577a113a864445d4c299885e0cb97d4ba92b5f"},
    {"tiny-q5_1", "31 MiB", "2827a03e495b1ed3048ef28a6a4620537db4ee51"},
    {"tiny-q8_0", "42 MiB", "19e8118f6652a650569f5a949d962154e01571d9"},
    {"tiny.en", "75 MiB", "c78c86eb1a8faa21b369bcd33207cc90d64ae9df"},
    {"tiny.en-q5_1", "31 MiB", "3fb92ec865cbbc769f08137f22470d6b66e071b6"},
    {"tiny.en-q8_0", "42 MiB", "802d6668e7d411123e672abe4cb6c18f12306abb"},
    {"base", "142 MiB", "465707469ff3a37a2b9b8d8f89f2f99de7299dac"},
    {"base-q5_1", "57 MiB", "a3733eda680ef76256db5fc5dd9de8629e62c5e7"},
    {"base-q8_0", "78 MiB", "7bb89bb49ed6955013b166f1b6a6c04584a20fbe"},
    {"base.en", "142 MiB", "137c40403d78fd54d454da0f9bd998f78703390c"},
    {"base.en-q5_1", "57 MiB", "d26d7ce5a1b6e57bea5d0431b9c20ae49423c94a"},
    {"base.en-q8_0", "78 MiB", "bb1574182e9b924452bf0cd1510ac034d323e948"},
    {"small", "466 MiB", "55356645c2b361a969dfd0ef2c5a50d530afd8d5"},
    {"small-q5_1", "181 MiB", "6fe57ddcfdd1c6b07cdcc73aaf620810ce5fc771"},
    {"small-q8_0", "252 MiB", "bcad8a2083f4e53d648d586b7dbc0cd673d8afad"},
    {"small.en", "466 MiB", "db8a495a91d927739e50b3fc1cc4c6b8f6c2d022"},
    {"medium", "1.5 GiB", "fd9727b6e1217c2f614f9b698455c4ffd82463b4"},
    {"medium.en", "1.5 GiB", "8c30f0e44ce9560643ebd10bbe50cd20eafd3723"},
    {"large-v1", "2.9 GiB", "b1caaf735c4cc1429223d5a74f0f4d0b9b59a299"},
    {"large-v2", "2.9 GiB", "0f4c8e34f21cf1a914c59d8b3ce882345ad349d6"},
    {"large-v2-q5_0", "1.1 GiB", "00e39f2196344e901b3a2bd5814807a769bd1630"},
    {"large-v3", "2.9 GiB", "ad82bf6a9043ceed055076d0fd39f5f186ff8062"},
    {"large-v3-q5_0", "1.1 GiB", "e6e2ed78495d403bef4b7cff42ef4aaadcfea8de"},
    {"large-v3-turbo", "1.5 GiB", "4af2b29d7ec73d781377bfd1758ca957a807e941"},
    {"large-v3-turbo-q5_0", "547 MiB", "e050f7970618a659205450ad97eb95a18d69c9ee"},
};
const int models_n_known = (int)(sizeof models_known / sizeof *models_known);

struct fetch {
    const char *name;
    const struct models_known *known; /* NULL: no checksum */
    int quiet;
    char url[600], dir[PATH_MAX - 300], path[PATH_MAX], part[PATH_MAX];
};

const struct models_known *models_known_find(const char *name)
{
    for (int i = 0; i < models_n_known; i++) {
        if (!strcmp(models_known[i].name, name)) {
            return &models_known[i];
        }
    }
    return NULL;
}

static int prepare(struct fetch *f, struct err *e)
{
    const char *hub = getenv("DICTATE_HUB"); /* a mirror */
    size_t n = strlen(f->name);
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)f->name[i]) && !strchr("._-", f->name[i])) {
            return err_set(e, ERR_USAGE,
                           "\"%.80s\" is no model name; dictate models list shows some", f->name);
        }
    }
    if (n == 0 || n > 80 || f->name[0] == '.') {
        return err_set(e, ERR_USAGE, "\"%.80s\" is no model name; dictate models list shows some",
                       f->name);
    }
    f->known = models_known_find(f->name);
    app_model_dir(1, f->dir, sizeof f->dir);
    if (!f->dir[0]) {
        return err_set(e, ERR_DISK,
                       "there is no place for models: neither HOME nor XDG_DATA_HOME is set");
    }
    snprintf(f->url, sizeof f->url, "%.400s/ggml-%s.bin", hub && *hub ? hub : HUB, f->name);
    snprintf(f->path, sizeof f->path, "%s/ggml-%s.bin", f->dir, f->name);
    snprintf(f->part, sizeof f->part, "%s/ggml-%s.bin.part", f->dir, f->name);
    return file_mkdirs(f->dir, e);
}

/* Is it the file that was meant?  0, or -ERR_MODEL. */
static int check(const struct fetch *f, const char *path, struct err *e)
{
    char hex[41];
    struct asr_model *m = NULL;
    int rc = sha1_file(path, hex, e);
    if (!rc && f->known && strcmp(hex, f->known->sha1) != 0) {
        rc = err_set(e, ERR_MODEL, "%s: the checksum is %s, published is %s", path, hex,
                     f->known->sha1);
    }
    if (!rc) {
        rc = asr_model_open(&m, path, e);
    }
    if (!rc) {
        asr_model_free(m);
    }
    return rc;
}

/* Runs a program and waits; its exit status, 127 when it is not there. */
static int run(const char *const argv[])
{
    extern char **environ;
    pid_t pid;
    int st = 0;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ)) {
        return 127;
    }
    while (waitpid(pid, &st, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

/* What curl's and wget's exit codes mean, in words. */
static int explain(const struct fetch *f, const char *tool, int code, struct err *e)
{
    int curl = !strcmp(tool, "curl");
    if (curl ? code == 6 || code == 7 || code == 28 || code == 35 || code == 5
             : code == 4 || code == 5) {
        return err_set(e, ERR_FAIL,
                       "there is no way to %s from here (%s says %d); fetch it elsewhere and put "
                       "it into %.100s",
                       f->url, tool, code, f->dir);
    }
    if (curl ? code == 22 : code == 8) {
        return err_set(e, ERR_FAIL,
                       "%s does not exist there, or is refused; dictate models list shows "
                       "names",
                       f->url);
    }
    if (curl ? code == 23 : code == 3) {
        return err_set(e, ERR_DISK, "%s cannot be written", f->part);
    }
    return err_set(e, ERR_FAIL,
                   "%s was not fetched: %s ended with %d; the same command goes on where it "
                   "stopped",
                   f->url, tool, code);
}

static int fetch(struct fetch *f, struct err *e)
{
    int show = isatty(STDERR_FILENO) && !f->quiet;
    /* Without a terminal they are silent: explain() says the one sentence. */
    const char *const curl[] = {"curl",
                                "-fL",
                                show ? "-#" : "-s",
                                "--connect-timeout",
                                "20",
                                "--retry",
                                "2",
                                "-C",
                                "-",
                                "-o",
                                f->part,
                                f->url,
                                NULL};
    const char *const wget[] = {"wget",         "-c",        "-q", show ? "--show-progress" : "-q",
                                "--timeout=20", "--tries=3", "-O", f->part,
                                f->url,         NULL};
    const char *tool = "curl";
    int code = run(curl);
    if (code == 127) {
        tool = "wget";
        code = run(wget);
    }
    if (code == 127) {
        return err_set(e, ERR_FAIL,
                       "neither curl nor wget is here to fetch %s; install one of them", f->url);
    }
    if (code) {
        struct stat st;
        if (!stat(f->part, &st) && st.st_size == 0) {
            unlink(f->part);
        }
        return explain(f, tool, code, e);
    }
    return 0;
}

int models_get(const char *name, int quiet, struct err *e)
{
    struct fetch f = {.name = name, .quiet = quiet};
    int rc = prepare(&f, e);
    if (rc) {
        return rc;
    }
    if (access(f.path, F_OK) == 0) {
        rc = check(&f, f.path, e);
        if (!rc) {
            printf("%s is there already%s\n", f.path, f.known ? ", its checksum is right" : "");
        }
        return rc;
    }
    if (access(f.part, F_OK) != 0 || check(&f, f.part, NULL) != 0) {
        if (!quiet && isatty(STDERR_FILENO)) {
            fprintf(stderr, "fetching %s%s%s\n", f.url, f.known ? ", " : "",
                    f.known ? f.known->size : "");
        }
        rc = fetch(&f, e);
    }
    if (!rc) {
        rc = check(&f, f.part, e);
        if (rc) {
            unlink(f.part); /* going on with it would never get it right */
        }
    }
    if (!rc && rename(f.part, f.path)) {
        rc = err_set(e, ERR_DISK, "%s cannot be written: %s", f.path, strerror(errno));
    }
    if (!rc) {
        printf("%s: %s\n", f.path,
               f.known ? "the checksum is right" : "it loads; no checksum of it is known here");
    }
    return rc;
}
