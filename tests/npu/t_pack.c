/* Packs of weights: the same bits as without; what is stale, damaged, cut short or foreign is not
 * read; many writers at once; folders that cannot be written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/base/file.h"
#include "npu/asr/engine.h"
#include "npu/asr/pack.h"
#include "tests/npu/mkmodel.h"

enum { CTX = 16, STATE = 64, WORDS = 256 + 5 + 1501 };

static char top[64], packs[96], models[2][96];

/* Two models of equal shape and different weights. */
static void write_model(const char *path, uint32_t salt)
{
    struct mk f = {0};
    struct err e = {0};
    struct asr_hparams hp = mk_hp(WORDS);
    hp.n_audio_state = hp.n_text_state = STATE;
    mk_head(&f, &hp);
    mk_small_words(&f, NULL, 0);
    for (int i = 0; i < asr_arch_count(&hp); i++) {
        struct asr_tensor t;
        enum asr_role role;
        asr_arch_tensor(&hp, i, &t, &role);
        mk_noise(&f, &t, (uint32_t)i * 104729u + salt);
    }
    assert_int_equal(file_save(path, f.data, f.size, &e), 0);
    free(f.data);
}

static int setup(void **state)
{
    (void)state;
    strcpy(top, "/tmp/dictate-t-XXXXXX");
    if (!mkdtemp(top)) {
        return -1;
    }
    snprintf(packs, sizeof packs, "%s/cache/packs", top);
    for (int i = 0; i < 2; i++) {
        snprintf(models[i], sizeof models[i], "%s/m%d.bin", top, i);
        write_model(models[i], (uint32_t)i * 7 + 3);
    }
    return 0;
}

static int remove_all(const char *path)
{
    char cmd[256];
    snprintf(cmd, sizeof cmd, "rm -rf %s", path);
    return system(cmd);
}

static int teardown(void **state)
{
    (void)state;
    return remove_all(top);
}

static int no_packs(void **state)
{
    (void)state;
    return remove_all(packs);
}

/* One open engine's answer: logits of two steps. */
struct answer {
    float logit[2][WORDS];
    int mapped; /* the weights came from a pack */
};

/* Is there a line of this process's memory map that names a pack? */
static int maps_a_pack(void)
{
    char line[512];
    int found = 0;
    FILE *f = fopen("/proc/self/maps", "re");
    while (f && fgets(line, sizeof line, f)) {
        found |= strstr(line, ".pack") != NULL;
    }
    if (f) {
        fclose(f);
    }
    return found;
}

static void ask(const char *model, const char *dir, int threads, enum asr_precision prec,
                struct answer *a)
{
    struct npu_rt_opts o = {.threads = threads};
    struct asr_model *m;
    struct asr_engine *g;
    struct npu_rt *rt;
    struct err e = {0};
    float mel[2 * CTX * 4];
    int32_t tok[2] = {70, 71};
    assert_int_equal(asr_model_open(&m, model, &e), 0);
    assert_int_equal(npu_rt_open(&rt, &o, &e), 0);
    assert_int_equal(asr_engine_new_packed(&g, m, rt, prec, dir, &e), 0);
    a->mapped = maps_a_pack();
    for (int i = 0; i < 2 * CTX * 4; i++) {
        mel[i] = (float)(i * 37 % 101) / 101.0f - 0.5f;
    }
    assert_int_equal(asr_encode(g, mel, CTX, &e), 0);
    assert_int_equal(asr_decode(g, tok, 2, 0, 2, &e), 0);
    for (int i = 0; i < 2; i++) {
        memcpy(a->logit[i], asr_logits(g, i), sizeof a->logit[i]);
    }
    asr_engine_free(g);
    npu_rt_close(rt);
    asr_model_free(m);
}

/* Names the only file in the folder; the number of files there. */
static int files_in(const char *dir, char *path, size_t cap)
{
    int n = 0;
    DIR *d = opendir(dir);
    const struct dirent *f;
    while (d && (f = readdir(d)) != NULL) {
        if (f->d_name[0] != '.') {
            snprintf(path, cap, "%s/%s", dir, f->d_name);
            n++;
        }
    }
    if (d) {
        closedir(d);
    }
    return n;
}

static struct answer plain[2], got;

static void the_pack(char *path, size_t cap)
{
    ask(models[0], packs, 1, ASR_PREC_INT8, &got);
    assert_int_equal(files_in(packs, path, cap), 1);
}

/* The answer is right, and came from a pack or did not. */
static void expect(int model, int mapped)
{
    ask(models[model], packs, 2, ASR_PREC_INT8, &got);
    assert_int_equal(got.mapped, mapped);
    assert_memory_equal(got.logit, plain[model].logit, sizeof got.logit);
}

static void same_bits(void **state)
{
    char path[512];
    (void)state;
    ask(models[0], NULL, 1, ASR_PREC_INT8, &plain[0]);
    ask(models[1], NULL, 1, ASR_PREC_INT8, &plain[1]);
    assert_int_equal(files_in(packs, path, sizeof path), 0);
    assert_memory_not_equal(plain[0].logit, plain[1].logit, sizeof plain[0].logit);
    expect(0, 0); /* packs, and leaves it there */
    assert_int_equal(files_in(packs, path, sizeof path), 1);
    expect(0, 1);
    expect(1, 0); /* the other file has a pack of its own */
    assert_int_equal(files_in(packs, path, sizeof path), 2);
    expect(1, 1);
    expect(0, 1);
    /* the reference path keeps none and reads none */
    ask(models[0], packs, 1, ASR_PREC_F32, &got);
    assert_int_equal(got.mapped, 0);
    assert_int_equal(files_in(packs, path, sizeof path), 2);
}

/* Content counts, not the name or the time of the file. */
static void stale(void **state)
{
    char path[512];
    (void)state;
    the_pack(path, sizeof path);
    write_model(models[0], 99);
    ask(models[0], NULL, 1, ASR_PREC_INT8, &got);
    struct answer *fresh = malloc(sizeof *fresh);
    *fresh = got;
    ask(models[0], packs, 1, ASR_PREC_INT8, &got);
    assert_int_equal(got.mapped, 0);
    assert_memory_equal(got.logit, fresh->logit, sizeof got.logit);
    free(fresh);
    write_model(models[0], 3);
    expect(0, 1);
}

static void flip(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, at, at < 0 ? SEEK_END : SEEK_SET);
    int c = fgetc(f);
    fseek(f, at, at < 0 ? SEEK_END : SEEK_SET);
    fputc(c ^ 16, f);
    fclose(f);
}

static void damaged(void **state)
{
    static const long at[] = {0, 9, 17, 25, 33, 41, 49, 2 << 20, (2 << 20) + 12345, -1};
    char path[512];
    (void)state;
    the_pack(path, sizeof path);
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        flip(path, at[i]);
        expect(0, 0); /* and it was written anew */
        expect(0, 1);
    }
}

static void cut_short(void **state)
{
    char path[512];
    struct stat st;
    (void)state;
    the_pack(path, sizeof path);
    assert_int_equal(stat(path, &st), 0);
    const off_t size[] = {0, 1, 55, 56, 4095, 4096, (2 << 20) - 1, 2 << 20, (2 << 20) + 4096, st.st_size - 1, st.st_size + 1};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        assert_int_equal(truncate(path, size[i]), 0);
        expect(0, 0);
        expect(0, 1);
    }
}

/* A file that others could have written; a folder, a pipe, a link to nowhere in its place. */
static void not_ours(void **state)
{
    char path[512];
    (void)state;
    the_pack(path, sizeof path);
    assert_int_equal(chmod(path, 0666), 0);
    expect(0, 0);
    expect(0, 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/nowhere/at/all", path), 0);
    expect(0, 0);
    expect(0, 1); /* the link was replaced */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect(0, 0);
    expect(0, 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    expect(0, 0); /* a folder stays: still no failure */
    expect(0, 0);
}

static void no_folder(void **state)
{
    char path[512], dir[128];
    (void)state;
    snprintf(dir, sizeof dir, "%s/file/packs", top);
    snprintf(path, sizeof path, "%s/file", top);
    fclose(fopen(path, "w"));
    ask(models[0], dir, 1, ASR_PREC_INT8, &got); /* a file where a folder would be */
    assert_int_equal(got.mapped, 0);
    assert_memory_equal(got.logit, plain[0].logit, sizeof got.logit);
    ask(models[0], "/proc/self/packs", 1, ASR_PREC_INT8, &got); /* nobody can write there */
    assert_memory_equal(got.logit, plain[0].logit, sizeof got.logit);
    /* a folder without the right to write: root has it anyway, then it is simply written */
    snprintf(dir, sizeof dir, "%s/locked", top);
    assert_int_equal(mkdir(dir, 0500), 0);
    ask(models[0], dir, 1, ASR_PREC_INT8, &got);
    assert_memory_equal(got.logit, plain[0].logit, sizeof got.logit);
}

/* Processes that start at the same time: each gets its answer, one whole pack is left. */
static void many_writers(void **state)
{
    enum { N = 6 };
    char path[512];
    pid_t child[N];
    (void)state;
    for (int i = 0; i < N; i++) {
        child[i] = fork();
        assert_true(child[i] >= 0);
        if (child[i] == 0) {
            ask(models[0], packs, 1, ASR_PREC_INT8, &got);
            _exit(memcmp(got.logit, plain[0].logit, sizeof got.logit) != 0);
        }
    }
    for (int i = 0; i < N; i++) {
        int status = 1;
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_int_equal(files_in(packs, path, sizeof path), 1); /* no temporary file either */
    expect(0, 1);
}

/* A pack in use survives its removal; the folder does not grow for ever. */
static void tidying(void **state)
{
    struct npu_rt_opts o = {.threads = 2};
    struct npu_rt *rt;
    struct err e = {0};
    uint8_t data[8192 + 17], seen = 0;
    char path[512], old[512];
    uint32_t buf;
    (void)state;
    assert_int_equal(npu_rt_open(&rt, &o, &e), 0);
    memset(data, 7, sizeof data);
    snprintf(path, sizeof path, "%s/left.pack.tmp", packs);
    assert_int_equal(file_mkdirs(packs, &e), 0);
    fclose(fopen(path, "w"));
    const struct timespec long_ago[2] = {{1000000, 0}, {1000000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    snprintf(old, sizeof old, "%s/keep.txt", packs);
    fclose(fopen(old, "w"));
    const struct pack_id first = {1000, 5};
    assert_int_equal(pack_save(packs, &first, data, sizeof data, 2), 1);
    assert_int_equal(pack_open(rt, packs, &first, sizeof data, &buf), 1);
    for (uint64_t i = 0; i < PACK_KEEP + 3; i++) {
        const struct pack_id id = {i, 5};
        assert_int_equal(pack_save(packs, &id, data, sizeof data, 2), 1);
        usleep(20000); /* file times have a granularity */
    }
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(access(old, F_OK), 0);
    assert_int_equal(files_in(packs, path, sizeof path), PACK_KEEP + 1);
    const uint8_t *p = npu_buf_map(rt, buf);
    for (size_t i = 0; i < sizeof data; i++) {
        seen |= p[i] ^ 7;
    }
    assert_int_equal(seen, 0);
    assert_int_equal(pack_open(rt, packs, &first, sizeof data, &buf), 0);
    const struct pack_id last = {PACK_KEEP + 2, 5}, other = {PACK_KEEP + 2, 6};
    assert_int_equal(pack_open(rt, packs, &other, sizeof data, &buf), 0);
    assert_int_equal(pack_open(rt, packs, &last, sizeof data - 1, &buf), 0);
    assert_int_equal(pack_open(rt, packs, &last, sizeof data, &buf), 1);
    npu_rt_close(rt);
}

static void hashing(void **state)
{
    const size_t size = ((size_t)9 << 20) + 123;
    uint8_t *p = malloc(size);
    (void)state;
    for (size_t i = 0; i < size; i++) {
        p[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    const uint64_t one = pack_hash(p, size, 1, 0);
    assert_true(pack_hash(p, size, 2, 0) == one && pack_hash(p, size, 8, 0) == one);
    assert_true(pack_hash(p, size - 1, 2, 0) != one);
    p[size - 1] ^= 1;
    assert_true(pack_hash(p, size, 2, 0) != one);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashing),
        cmocka_unit_test_setup(same_bits, no_packs),
        cmocka_unit_test_setup(stale, no_packs),
        cmocka_unit_test_setup(damaged, no_packs),
        cmocka_unit_test_setup(cut_short, no_packs),
        cmocka_unit_test_setup(not_ours, no_packs),
        cmocka_unit_test_setup(no_folder, no_packs),
        cmocka_unit_test_setup(many_writers, no_packs),
        cmocka_unit_test_setup(tidying, no_packs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
