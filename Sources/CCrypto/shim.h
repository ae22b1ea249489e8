// CCrypto: what Swift sees of <openssl/evp.h>. Variadic functions and macros come through as static inline wrappers.
#ifndef WEIR_CCRYPTO_SHIM_H
#define WEIR_CCRYPTO_SHIM_H
#include <openssl/evp.h>
#endif
