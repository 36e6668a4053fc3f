/* Included before every file by the Makefile: libc functions that invite overruns do not compile.
 */
#ifndef EVIO_BANNED_H
#define EVIO_BANNED_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets strncpy strncat
#endif
