// CCurl: what Swift sees of <curl/curl.h>. Variadic functions and macros come through as static inline wrappers.
#ifndef WEIR_CCURL_SHIM_H
#define WEIR_CCURL_SHIM_H
#include <curl/curl.h>
#endif
