// CUV: what Swift sees of <uv.h>. Variadic functions and macros come through as static inline wrappers,
// and so do the few Linux calls that the C library hides from Swift behind _GNU_SOURCE.
#ifndef WEIR_CUV_SHIM_H
#define WEIR_CUV_SHIM_H
#include <uv.h>

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Names the calling thread; the kernel keeps 15 bytes.
static inline void weir_name_thread(const char *name) { prctl(PR_SET_NAME, (unsigned long)name, 0, 0, 0); }

/// Forbids core dumps and ptrace by other processes of the same user.
static inline void weir_forbid_dumps(void) { prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

/// 1 while the process may be dumped.
static inline int weir_is_dumpable(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0); }

/// Binds the calling thread to one processor (0...1023). 0 on success.
static inline int weir_bind_thread(unsigned cpu) {
    unsigned long mask[1024 / (8 * sizeof(unsigned long))] = {0};
    if (cpu >= 1024) return -1;
    mask[cpu / (8 * sizeof(unsigned long))] = 1UL << (cpu % (8 * sizeof(unsigned long)));
    return syscall(SYS_sched_setaffinity, 0, sizeof mask, mask) == 0 ? 0 : -1;
}
#else
static inline void weir_name_thread(const char *name) { (void)name; }
static inline void weir_forbid_dumps(void) {}
static inline int weir_is_dumpable(void) { return 0; }
static inline int weir_bind_thread(unsigned cpu) { (void)cpu; return -1; }
#endif
#endif
