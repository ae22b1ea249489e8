// CXXHash: what Swift sees of <xxhash.h>. Variadic functions and macros come through as static inline wrappers.
#ifndef WEIR_CXXHASH_SHIM_H
#define WEIR_CXXHASH_SHIM_H
#include <xxhash.h>
#endif
