/* dictate doctor: is everything there, and if not, what helps. */
#ifndef APP_DOCTOR_H
#define APP_DOCTOR_H

/* argv[0] is "doctor".  Returns the exit code: 0 when dictation is possible, else that of the first
 * thing that is in the way. */
int doctor_main(int argc, char **argv);

#endif
