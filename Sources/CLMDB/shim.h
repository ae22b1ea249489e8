// CLMDB: what Swift sees of <lmdb.h>. Variadic functions and macros come through as static inline wrappers.
#ifndef WEIR_CLMDB_SHIM_H
#define WEIR_CLMDB_SHIM_H
#include <lmdb.h>
#endif
