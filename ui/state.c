/* The states of a session in words.  The screen, plain mode and JSON read the same rows.  Pure. */
#include "ui/ui.h"

static const struct ui_state_info rows[UI_ST_COUNT] = {
    [UI_ST_LOADING] = {"loading", "LOADING", "", UI_OK, true},
    [UI_ST_LISTENING] = {"listening", "LISTENING", "", UI_OK, false},
    [UI_ST_PLAYING] = {"playing", "PLAYING", "", UI_OK, false},
    [UI_ST_PAUSED] = {"paused", "PAUSED", "Space goes on.", UI_OK, true},
    [UI_ST_READY] = {"ready", "READY", "Space, and speak: half a second before it is heard too.",
                     UI_OK, true},
    [UI_ST_STOPPED] = {"stopped", "STOPPED", "Input closed. q quits, the text can still be read.",
                       UI_OK, true},
    [UI_ST_DONE] = {"done", "DONE", "", UI_OK, true},
    [UI_ST_NO_MIC] = {"no-mic", "NO MIC", "No capture device. Plug one in, it is found at once.",
                      UI_BAD, false},
    [UI_ST_MIC_BUSY] = {"mic-busy", "MIC BUSY",
                        "Another program uses the microphone; trying again every 2 s.", UI_BAD,
                        false},
    [UI_ST_MIC_GONE] = {"mic-gone", "MIC GONE",
                        "Microphone gone. Waiting for it; the text so far is kept.", UI_WARN,
                        false},
    [UI_ST_SILENT] = {"silent", "SILENT", "No sound for some time. Is the microphone muted?",
                      UI_WARN, false},
    [UI_ST_TOO_LOUD] = {"too-loud", "TOO LOUD", "Samples clip: lower the gain.", UI_WARN, false},
    [UI_ST_XRUN] = {"xrun", "XRUN", "Sound was lost; the place is marked in the text.", UI_WARN,
                    false},
    [UI_ST_NO_NPU] = {"no-npu", "NO NPU", "The NPU cannot be opened. `dictate doctor` says why.",
                      UI_BAD, false},
    [UI_ST_NPU_RESET] = {"npu-reset", "NPU RESET",
                         "A command list did not return. The device was reset, the work repeated.",
                         UI_WARN, false},
    [UI_ST_NO_MODEL] = {"no-model", "NO MODEL", "No model. Give one with --model FILE.", UI_BAD,
                        false},
    [UI_ST_BAD_MODEL] = {"bad-model", "BAD MODEL", "The model file is damaged.", UI_BAD, false},
    [UI_ST_BAD_SOUND] = {"bad-sound", "BAD SOUND", "The sound file cannot be read.", UI_BAD, false},
    [UI_ST_SLOW] = {"slow", "SLOW", "Barely keeping up; provisional words come later.", UI_WARN,
                    false},
    [UI_ST_BEHIND] = {"behind", "BEHIND",
                      "Speech is queued, nothing is lost. A smaller model would keep up.", UI_WARN,
                      false},
    [UI_ST_AUDIO_LOST] = {"audio-lost", "AUDIO LOST",
                          "The queue was full and sound was dropped; the place is marked.", UI_BAD,
                          false},
    [UI_ST_NOT_SAVED] = {"not-saved", "NOT SAVED",
                         "The text cannot be written and is kept in memory.", UI_BAD, false},
    [UI_ST_NO_MEMORY] = {"no-memory", "NO MEMORY", "Not enough memory.", UI_BAD, false},
    [UI_ST_ERROR] = {"error", "ERROR", "", UI_BAD, false},
};

const struct ui_state_info *ui_state_info(enum ui_state s)
{
    unsigned i = (unsigned)s;
    return &rows[i < UI_ST_COUNT ? i : (unsigned)UI_ST_ERROR];
}
