// Kernels of the embedding models' forward pass, with run-time dispatch over the processor's instruction sets, and the Unicode tables of
// the tokenizer. Called from the Embedding module only. No function allocates, keeps state or fails.
#ifndef EMBEDDING_KERNELS_H
#define EMBEDDING_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// What BERT's uncased normaliser makes of a scalar.
enum weir_scalar_kind {
    WEIR_SCALAR_PLAIN = 0,            // itself, part of a word
    WEIR_SCALAR_REMOVED = 1,          // nothing
    WEIR_SCALAR_REMOVED_STARTER = 2,  // nothing, and marks before it are not reordered with marks behind it
    WEIR_SCALAR_SPACE = 3,
    WEIR_SCALAR_CHINESE = 4,      // itself, with a space on either side
    WEIR_SCALAR_PUNCTUATION = 5,  // itself, a word of its own
    WEIR_SCALAR_HANGUL = 6,       // a syllable: decomposes by arithmetic (Unicode 3.12)
    WEIR_SCALAR_COMBINING = 7,    // itself, moved by canonical ordering
    WEIR_SCALAR_MAPPED = 8,       // other scalars
};

typedef struct {
    uint8_t kind;             // enum weir_scalar_kind
    uint8_t combining_class;  // of a combining scalar
    uint8_t count;            // of the scalars that a mapped one becomes
    uint8_t surrounded;       // whether a mapped one gets a space on either side
    uint32_t single;          // what a mapped one becomes, where count is 1
    const uint32_t *several;  // and where it is more
} weir_scalar_class;

// Classifies a scalar above U+007F.
weir_scalar_class weir_classify_scalar(uint32_t scalar);

// ---------------------------------------------------------------------------------------------------------------------------------------
// The forward pass. Matrices are packed by weir_pack_*: panels of 16 outputs, and within a panel input by input, so that every
// instruction set reads the same file.

// Instruction sets, slowest first. Portable is written in vector extensions: on ARM the compiler makes NEON of it, on x86 SSE2.
enum weir_kernel_level {
    WEIR_KERNEL_PORTABLE = 0,
    WEIR_KERNEL_AVX2 = 1,         // with FMA and F16C
    WEIR_KERNEL_AVX512 = 2,       // F, BW, DQ, VL
    WEIR_KERNEL_AVX512_VNNI = 3,  // as AVX-512 in fp32, dot products of bytes in int8
};

// The best level of this processor.
int weir_kernel_best(void);
// Its name: "portable", "avx2", …
const char *weir_kernel_name(int level);

// y = x W' + bias. In fp32 `scales` and `sums` are NULL. `inputs` is a multiple of 4, `outputs` of 16.
typedef struct {
    const void *weights;    // float or int8_t, packed
    const float *bias;      // per output
    const float *scales;    // int8: per output
    const int32_t *sums;    // int8: per output, the sum of its weights
    uint32_t inputs, outputs;
} weir_matrix;

typedef struct {
    weir_matrix attention;      // query, key and value beside each other
    weir_matrix output;
    weir_matrix up;             // followed by GELU (exact, with erf)
    weir_matrix down;
    const float *attention_norm;  // weights, then biases
    const float *output_norm;
} weir_layer;

// A BERT encoder. `width` is a multiple of 16, width / heads is 32, `inner` a multiple of 16.
typedef struct {
    uint32_t layer_count, heads, width, inner;
    const void *words;          // per token a row of half floats, or of int8_t where word_scales is not NULL
    const float *word_scales;   // per token
    const float *positions;     // per position, the row of token type 0 added
    const float *norm;          // weights, then biases
    float epsilon;
    const weir_layer *layers;
} weir_transformer;

// Bytes of workspace for a text of so many tokens.
size_t weir_transformer_workspace(const weir_transformer *model, size_t tokens);
// The vector of a text: mean over its tokens, length 1 (all zero where that is not finite or the mean is zero). 1 <= count <= positions;
// every id below the number of words. `workspace` is aligned to 64 bytes.
void weir_transformer_embed(const weir_transformer *model, int level, const uint32_t *ids, size_t count, float *vector, void *workspace);

// The mean of rows of int8_t with a scale each, length 1; zeros where count is 0.
void weir_static_embed(const int8_t *words, const float *scales, uint32_t width, const uint32_t *ids, size_t count, float *vector);

// Packing, at installation. `weights`: outputs rows of inputs floats, as in checkpoints.
void weir_pack_float(const float *weights, uint32_t outputs, uint32_t inputs, float *packed);
// To int8, symmetric, a scale for each output: packed as [outputs / 16][inputs / 4][16][4].
void weir_pack_int8(const float *weights, uint32_t outputs, uint32_t inputs, int8_t *packed, float *scales, int32_t *sums);
// Rows to int8 with a scale each, or to half floats (IEEE 754 binary16, round to nearest even).
void weir_quantize_rows(const float *rows, uint32_t count, uint32_t stride, uint32_t width, int8_t *quantized, float *scales);
void weir_half_rows(const float *values, size_t count, uint16_t *halves);

#endif
