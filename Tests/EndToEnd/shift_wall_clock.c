// Moves the wall clock of the process it is preloaded into by the nanoseconds that stand in a file, which the test maps too. The other clocks
// go on as they are.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t none;
static _Atomic int64_t *offset = &none;

__attribute__((constructor)) static void map_offset(void) {
    const char *path = getenv("WEIR_WALL_CLOCK_OFFSET");
    int descriptor = path ? open(path, O_RDWR) : -1;
    if (descriptor < 0) return;
    void *memory = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory != MAP_FAILED) offset = memory;
    close(descriptor);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t moved = now->tv_nsec + atomic_load(offset) % 1000000000;
        now->tv_sec += atomic_load(offset) / 1000000000 + (moved >= 1000000000) - (moved < 0);
        now->tv_nsec = moved >= 1000000000 ? moved - 1000000000 : moved < 0 ? moved + 1000000000 : moved;
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec time;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &time);
    now->tv_sec = time.tv_sec;
    now->tv_usec = time.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *seconds) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (seconds) *seconds = now.tv_sec;
    return now.tv_sec;
}
