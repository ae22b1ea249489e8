#include "build_info.h"

#ifndef WEIR_COMMIT
#define WEIR_COMMIT "unknown"
#endif

const char *weir_build_commit(void) { return WEIR_COMMIT; }
