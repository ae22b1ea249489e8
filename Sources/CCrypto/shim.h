// CCrypto: what Swift sees of OpenSSL's libcrypto. The low-level SHA-256 calls are marked deprecated in OpenSSL 3, but they are the only ones
// that neither fetch an algorithm nor allocate per call; they run the same SHA-NI code as EVP. The wrappers keep the warning out of Swift.
#ifndef WEIR_CCRYPTO_SHIM_H
#define WEIR_CCRYPTO_SHIM_H
#define OPENSSL_SUPPRESS_DEPRECATED 1
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stddef.h>

static inline void weir_sha256_init(SHA256_CTX *_Nonnull context) { SHA256_Init(context); }

static inline void weir_sha256_update(SHA256_CTX *_Nonnull context, const void *_Nullable bytes, size_t count) {
  if (count > 0) SHA256_Update(context, bytes, count);
}

static inline void weir_sha256_final(unsigned char *_Nonnull digest, SHA256_CTX *_Nonnull context) { SHA256_Final(digest, context); }

#endif
