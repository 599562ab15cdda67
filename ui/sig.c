/* See sig.h.  Handlers run on any thread and touch only what is async-signal-safe. */
#include "ui/sig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static const int soft[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT};
static const int hard[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT};
enum { SOFT = sizeof soft / sizeof *soft, HARD = sizeof hard / sizeof *hard };

/* One terminal, one set of handlers: the only state outside struct ui. */
static struct ui_restore restore;
static struct sigaction old_soft[SOFT], old_hard[HARD];
static int pipe_fd[2] = {-1, -1};
static volatile sig_atomic_t armed;
static void *alt_stack;
static stack_t old_stack;

static void on_soft(int sig)
{
    int keep = errno;
    unsigned char b = (unsigned char)sig;
    ssize_t ignored = write(pipe_fd[1], &b, 1); /* full: a signal of this kind is waiting already */
    (void)ignored;
    errno = keep;
}

static void put(int fd, const char *s, size_t n)
{
    while (n) {
        ssize_t k = write(fd, s, n);
        if (k <= 0) {
            return;
        }
        s += k;
        n -= (size_t)k;
    }
}

/* What libraries said before the crash may be its cause: show it. */
static void show_captured(void)
{
    char buf[1024];
    if (restore.err_saved < 0) {
        return;
    }
    dup2(restore.err_saved, 2);
    if (lseek(restore.err_mem, 0, SEEK_SET) != 0) {
        return;
    }
    for (ssize_t k; (k = read(restore.err_mem, buf, sizeof buf)) > 0;) {
        put(2, buf, (size_t)k);
    }
}

/* The old action is put back first.  A real fault then happens again on return and meets it with
 * its true context (a sanitiser's report, a core); a signal that was sent is sent again. */
static void on_hard(int sig, siginfo_t *info, void *ctx)
{
    (void)ctx;
    for (int i = 0; i < HARD; i++) {
        sigaction(hard[i], &old_hard[i], NULL);
    }
    if (armed) {
        armed = 0;
        put(restore.out, restore.bytes, restore.n);
        tcsetattr(restore.in, TCSANOW, &restore.cooked);
        show_captured();
    }
    if (info->si_code <= 0 || sig == SIGQUIT || sig == SIGABRT) {
        raise(sig);
    }
}

static void own_stack(void)
{
    stack_t s = {0};
    /* A stack overflow must still reach the handler; sanitisers need much.  Besides, the kernel puts
     * all registers there, and with AMX tiles those are larger than MINSIGSTKSZ ever said: it refuses
     * tiles to a program one of whose signal stacks is too small for them. */
    size_t size = 64 * 1024 + (size_t)getauxval(AT_MINSIGSTKSZ);
    alt_stack = malloc(size);
    if (alt_stack) {
        s.ss_sp = alt_stack;
        s.ss_size = size;
        sigaltstack(&s, &old_stack);
    }
}

int ui_sig_open(struct err *e)
{
    struct sigaction a;
    if (pipe2(pipe_fd, O_NONBLOCK | O_CLOEXEC) < 0) {
        return err_set(e, ERR_FAIL, "no pipe for signals: %s", strerror(errno));
    }
    own_stack();
    memset(&a, 0, sizeof a);
    sigfillset(&a.sa_mask);
    a.sa_handler = on_soft;
    a.sa_flags = SA_RESTART;
    for (int i = 0; i < SOFT; i++) {
        sigaction(soft[i], NULL, &old_soft[i]);
        if (soft[i] == SIGHUP && old_soft[i].sa_handler == SIG_IGN) {
            continue; /* nohup: the user has asked for this */
        }
        sigaction(soft[i], &a, NULL);
    }
    a.sa_sigaction = on_hard;
    a.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (int i = 0; i < HARD; i++) {
        sigaction(hard[i], &a, &old_hard[i]);
    }
    return pipe_fd[0];
}

void ui_sig_close(void)
{
    if (pipe_fd[0] < 0) {
        return;
    }
    armed = 0;
    for (int i = 0; i < SOFT; i++) {
        sigaction(soft[i], &old_soft[i], NULL);
    }
    for (int i = 0; i < HARD; i++) {
        sigaction(hard[i], &old_hard[i], NULL);
    }
    if (alt_stack) {
        old_stack.ss_flags = old_stack.ss_sp ? old_stack.ss_flags : SS_DISABLE;
        sigaltstack(&old_stack, NULL);
        free(alt_stack);
        alt_stack = NULL;
    }
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    pipe_fd[0] = pipe_fd[1] = -1;
}

void ui_sig_arm(const struct ui_restore *r)
{
    armed = 0;
    restore = *r;
    armed = 1;
}

void ui_sig_disarm(void)
{
    armed = 0;
}

void ui_sig_stop(void)
{
    struct sigaction dfl, mine;
    sigset_t one, was;
    memset(&dfl, 0, sizeof dfl);
    dfl.sa_handler = SIG_DFL;
    sigemptyset(&dfl.sa_mask);
    sigaction(SIGTSTP, &dfl, &mine);
    sigemptyset(&one);
    sigaddset(&one, SIGTSTP);
    pthread_sigmask(SIG_UNBLOCK, &one, &was);
    /* To the process, not the group: every process of the group has had its own ^Z.  raise, not kill:
     * kill may hand the signal to another thread and return before the process has stopped, and the
     * terminal would be ours again while the shell has it.  No effect in an orphaned group (nobody
     * could wake us up), and then we simply go on. */
    raise(SIGTSTP);
    pthread_sigmask(SIG_SETMASK, &was, NULL);
    sigaction(SIGTSTP, &mine, NULL);
}
