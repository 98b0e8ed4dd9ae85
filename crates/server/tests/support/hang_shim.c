/*
 * Threads that hang: preloaded into the server, it keeps those that it is told of from going on, for as long as it is told.
 * 1: the edge thread with the number 1, wherever it waits for the next event. 2: whoever syncs a file.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *told;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SHIM_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof *told, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) told = mapped;
    close(file);
}

static void hang_while(int64_t number) {
    const struct timespec moment = {0, 5 * 1000 * 1000};
    while (told && *told == number) nanosleep(&moment, NULL);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) {
    char name[16];
    if (pthread_getname_np(pthread_self(), name, sizeof name) == 0 && strcmp(name, "edge-1") == 0) hang_while(1);
    return (int)syscall(SYS_epoll_pwait, epoll, events, most, timeout, NULL, 8);
}

int fsync(int file) {
    hang_while(2);
    return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
    hang_while(2);
    return (int)syscall(SYS_fdatasync, file);
}
