/* What the screen tells the app.  Everything that concerns only the screen (scrolling, search, the
 * page shown, freezing, copying) stays inside ui/ and arrives here at most as UI_EV_DRAW. */
#ifndef UI_EV_H
#define UI_EV_H

enum ui_ev_kind {
    UI_EV_TICK = 0, /* the time-out passed, nothing happened */
    UI_EV_FD,       /* one of the caller's descriptors is ready; look at revents */
    UI_EV_DRAW,     /* something on the screen changed: call ui_draw() soon */
    UI_EV_PAUSE,    /* Space: pause or go on; the app knows which */
    UI_EV_STOP,     /* first ^C (or SIGINT): close the input, keep text and screen */
    UI_EV_QUIT,     /* q, or ^C twice within 2 s, or ^C when the state is STOPPED or DONE */
    UI_EV_SAVE,     /* s: save now (profile: save the figures as JSON) */
    UI_EV_WINDOW,   /* w: arg is the new window in seconds: 1, 10, 60, or 0 for all since start */
    UI_EV_RESET,    /* r: start the figures again */
    UI_EV_LIST,     /* the page of microphones was opened, or r pressed: look which there are */
    UI_EV_TAKE,     /* Enter on a list page (see page): arg is the row's index in its list */
    UI_EV_SUSPEND,  /* ^Z: pause the input, then call ui_suspend() */
    UI_EV_SIGNAL,   /* arg is SIGTERM or SIGHUP: save, ui_close(), exit with 128 + arg */
};

struct ui_ev {
    enum ui_ev_kind kind;
    int arg;
    int page; /* enum ui_page that was shown when it happened */
};

#endif
