// Run-time dispatch. Each level is the same source (forward.h) under another target attribute, so no global compiler flag is needed and one
// binary runs everywhere.
#include "embedding_kernels.h"

#include <math.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Vectors wider than a register are handed only to functions that are inlined, so how they would be handed does not matter.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float v16 __attribute__((vector_size(64)));
typedef float v16u __attribute__((vector_size(64), aligned(4)));
typedef int32_t i16 __attribute__((vector_size(64)));
typedef int32_t i16u __attribute__((vector_size(64), aligned(4)));
typedef int8_t b16 __attribute__((vector_size(16)));
typedef int8_t b16u __attribute__((vector_size(16), aligned(1)));

// A finite half float, subnormal ones included: the exponent is rebased by a multiplication.
static inline __attribute__((always_inline)) float half_value(uint16_t half) {
    uint32_t bits = (uint32_t)(half & 0x7FFF) << 13;
    float value;
    __builtin_memcpy(&value, &bits, 4);
    value *= 0x1p112f;
    __builtin_memcpy(&bits, &value, 4);
    bits |= (uint32_t)(half & 0x8000) << 16;
    __builtin_memcpy(&value, &bits, 4);
    return value;
}

struct workspace {
    float *x, *y, *wide, *context, *keys, *values, *scores, *scales;
    int8_t *bytes;
    int32_t *zeros;
};

// The workspace's parts, each a multiple of 64 bytes; with NULL only their sum counts.
static size_t parts(const weir_transformer *model, size_t tokens, char *base, struct workspace *w) {
    size_t width = model->width, padded = (tokens + 15) & ~(size_t)15;
    size_t widest = 3 * width > model->inner ? 3 * width : model->inner, at = 0;
#define PART(field, type, count) \
    w->field = base ? (type *)(base + at) : (type *)0; \
    at += ((count) * sizeof(type) + 63) & ~(size_t)63;
    PART(x, float, tokens * width)
    PART(y, float, tokens * width)
    PART(wide, float, tokens * widest)
    PART(context, float, tokens * width)
    PART(keys, float, padded * 32)
    PART(values, float, padded * 32)
    PART(scores, float, padded * 8)
    PART(scales, float, tokens)
    PART(bytes, int8_t, tokens * widest)
    PART(zeros, int32_t, tokens)
#undef PART
    return at;
}

size_t weir_transformer_workspace(const weir_transformer *model, size_t tokens) {
    struct workspace unused;
    return parts(model, tokens, NULL, &unused);
}

static struct workspace divide(const weir_transformer *model, size_t tokens, void *workspace) {
    struct workspace w;
    parts(model, tokens, workspace, &w);
    return w;
}

// ---- Portable -------------------------------------------------------------------------------------------------------------------------

static inline __attribute__((always_inline)) i16 dot_portable(i16 sum, int32_t four, const int8_t *b) {
    // Each lane holds the four bytes of one output; shifts bring one of them at a time to the top and down again, sign and all.
    i16 weights = *(const i16u *)b;
    sum += (weights << 24 >> 24) * (int32_t)(int8_t)four;
    sum += (weights << 16 >> 24) * (int32_t)(int8_t)(four >> 8);
    sum += (weights << 8 >> 24) * (int32_t)(int8_t)(four >> 16);
    return sum + (weights >> 24) * (four >> 24);
}

#define NAME(x) portable_##x
#define ROWS 6
#define PANELS 1
#define BYTE_ROWS 4
#define BYTE_PANELS 1
#define DOT dot_portable
#define DOT_UNSIGNED 0
#include "forward.h"

#if defined(__x86_64__)

// vpmaddubsw wants one unsigned side: the sign moves from the activation to the weight, so that nothing saturates (127 * 127 * 2 < 32768).
// A macro, since a function can't be inlined into those of another target.
#define WEIR_SIGNED_DOT(name) \
    static inline __attribute__((always_inline)) i16 name(i16 sum, int32_t four, const int8_t *b) { \
        union { i16 whole; __m256i half[2]; } u = {sum}; \
        __m256i a = _mm256_set1_epi32(four), magnitude = _mm256_abs_epi8(a), one = _mm256_set1_epi16(1); \
        for (int i = 0; i < 2; i++) { \
            __m256i weight = _mm256_sign_epi8(_mm256_loadu_si256((const __m256i *)(b + 32 * i)), a); \
            u.half[i] = _mm256_add_epi32(u.half[i], _mm256_madd_epi16(_mm256_maddubs_epi16(magnitude, weight), one)); \
        } \
        return u.whole; \
    }

// ---- AVX2 + FMA -----------------------------------------------------------------------------------------------------------------------
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

WEIR_SIGNED_DOT(dot_avx2)

#define NAME(x) avx2_##x
#define ROWS 6
#define PANELS 1
#define BYTE_ROWS 4
#define BYTE_PANELS 1
#define DOT dot_avx2
#define DOT_UNSIGNED 0
#include "forward.h"
#pragma clang attribute pop

// ---- AVX-512 --------------------------------------------------------------------------------------------------------------------------
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))), apply_to = function)
WEIR_SIGNED_DOT(dot_avx512)

#define NAME(x) avx512_##x
#define ROWS 8
#define PANELS 3
#define BYTE_ROWS 4
#define BYTE_PANELS 1
#define DOT dot_avx512
#define DOT_UNSIGNED 0
#include "forward.h"
#pragma clang attribute pop

// ---- AVX-512 with VNNI ----------------------------------------------------------------------------------------------------------------
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)

static inline __attribute__((always_inline)) i16 dot_vnni(i16 sum, int32_t four, const int8_t *b) {
    return (i16)_mm512_dpbusd_epi32((__m512i)sum, _mm512_set1_epi32(four), _mm512_loadu_si512(b));
}

#define NAME(x) vnni_##x
#define ROWS 8
#define PANELS 3
#define BYTE_ROWS 8
#define BYTE_PANELS 3
#define DOT dot_vnni
#define DOT_UNSIGNED 1
#include "forward.h"
#pragma clang attribute pop

#endif

// ---- Dispatch -------------------------------------------------------------------------------------------------------------------------

int weir_kernel_best(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    int has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (has_avx512 && __builtin_cpu_supports("avx512vnni")) return WEIR_KERNEL_AVX512_VNNI;
    if (has_avx512) return WEIR_KERNEL_AVX512;
    if (has_avx2) return WEIR_KERNEL_AVX2;
#endif
    return WEIR_KERNEL_PORTABLE;
}

const char *weir_kernel_name(int level) {
    switch (level) {
    case WEIR_KERNEL_AVX2: return "avx2";
    case WEIR_KERNEL_AVX512: return "avx512";
    case WEIR_KERNEL_AVX512_VNNI: return "avx512-vnni";
    default: return "portable";
    }
}

void weir_transformer_embed(const weir_transformer *model, int level, const uint32_t *ids, size_t count, float *vector, void *workspace) {
#if defined(__x86_64__)
    switch (level) {
    case WEIR_KERNEL_AVX2: return avx2_embed(model, ids, count, vector, workspace);
    case WEIR_KERNEL_AVX512: return avx512_embed(model, ids, count, vector, workspace);
    case WEIR_KERNEL_AVX512_VNNI: return vnni_embed(model, ids, count, vector, workspace);
    default: break;
    }
#endif
    portable_embed(model, ids, count, vector, workspace);
}

void weir_static_embed(const int8_t *words, const float *scales, uint32_t width, const uint32_t *ids, size_t count, float *vector) {
    for (uint32_t j = 0; j < width; j++) vector[j] = 0;
    for (size_t t = 0; t < count; t++) {
        const int8_t *word = words + (size_t)ids[t] * width;
        float scale = scales[ids[t]];
        for (uint32_t j = 0; j < width; j++) vector[j] += (float)word[j] * scale;
    }
    double squares = 0;
    for (uint32_t j = 0; j < width; j++) squares += (double)vector[j] * vector[j];
    float factor = squares > 0 && squares < 1e30 ? (float)(1.0 / sqrt(squares)) : 0;
    for (uint32_t j = 0; j < width; j++) vector[j] = factor == 0 ? 0 : vector[j] * factor;
}
