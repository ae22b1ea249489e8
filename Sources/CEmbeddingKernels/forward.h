// The forward pass, written once in clang's vector extensions and compiled for each instruction set: kernels.c includes this file under a
// target attribute with NAME, ROWS, PANELS and DOT defined. A vector of 16 floats is one register, two or four.
//
// Matrix product: a tile of up to ROWS rows by PANELS panels of 16 columns stays in registers while one pass runs over the inputs. Weights
// are read once for each tile of rows, panel by panel; rows come out of the L1 cache.

#define EMBED_INLINE static inline __attribute__((always_inline))

EMBED_INLINE v16 NAME(load)(const float *p) { return *(const v16u *)p; }
EMBED_INLINE void NAME(store)(float *p, v16 v) { *(v16u *)p = v; }

EMBED_INLINE float NAME(sum)(v16 v) {
    float total = 0;
    float parts[8];
    for (int i = 0; i < 8; i++) parts[i] = v[i] + v[i + 8];
    for (int i = 0; i < 4; i++) parts[i] += parts[i + 4];
    total = (parts[0] + parts[2]) + (parts[1] + parts[3]);
    return total;
}

// e^x for x <= 0, relative error below 2e-7: Cody-Waite reduction, then the Taylor polynomial of degree 7 on [-ln 2 / 2, ln 2 / 2].
EMBED_INLINE v16 NAME(exp)(v16 x) {
    x = __builtin_elementwise_max(x, (v16){0} - 87.0f);
    i16 whole = __builtin_convertvector(x * 1.44269504088896341f - 0.5f, i16);  // towards zero, so this rounds
    v16 n = __builtin_convertvector(whole, v16);
    v16 r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    v16 p = r * 1.9841270e-4f + 1.3888889e-3f;
    p = p * r + 8.3333333e-3f;
    p = p * r + 4.1666668e-2f;
    p = p * r + 1.6666667e-1f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    i16 bits = (whole + 127) << 23;
    return p * (v16)bits;
}

// x (1 + erf(x / sqrt 2)) / 2. erf as x P(x²) / Q(x²) on [-4, 4], absolute error below 3e-7 (checked against libm in the tests).
EMBED_INLINE v16 NAME(gelu)(v16 x) {
    v16 t = x * 0.70710678118654752f;
    t = __builtin_elementwise_min(__builtin_elementwise_max(t, (v16){0} - 4.0f), (v16){0} + 4.0f);
    v16 s = t * t;
    v16 p = s * -2.72614225801306e-10f + 2.77068142495902e-08f;
    p = p * s + -2.10102402082508e-06f;
    p = p * s + -5.69250639462346e-05f;
    p = p * s + -7.34990630326855e-04f;
    p = p * s + -2.95459980854025e-03f;
    p = p * s + -1.60960333262415e-02f;
    v16 q = s * -1.45660718464996e-05f + -2.13374055278905e-04f;
    q = q * s + -1.68282697438203e-03f;
    q = q * s + -7.37332916720468e-03f;
    q = q * s + -1.42647390514189e-02f;
    v16 half = x * 0.5f;
    return half + half * (t * p / q);
}

// One tile: `rows` rows of `a` times `panels` panels of `b`, a panel being `inputs` times 16 floats.
EMBED_INLINE void NAME(tile)(
    const int rows, const int panels, const float *a, size_t a_stride, const float *b, size_t inputs, float *c, size_t c_stride) {
    v16 sum[ROWS][PANELS];
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)
        _Pragma("clang loop unroll(full)") for (int p = 0; p < panels; p++) sum[r][p] = (v16){0};
    for (size_t k = 0; k < inputs; k++) {
        v16 column[PANELS];
        _Pragma("clang loop unroll(full)") for (int p = 0; p < panels; p++) column[p] = NAME(load)(b + (p * inputs + k) * 16);
        _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)
            _Pragma("clang loop unroll(full)") for (int p = 0; p < panels; p++) sum[r][p] += column[p] * a[r * a_stride + k];
    }
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)
        _Pragma("clang loop unroll(full)") for (int p = 0; p < panels; p++) NAME(store)(c + r * c_stride + p * 16, sum[r][p]);
}

#define WEIR_TILE_CASE(R) \
    case R: NAME(tile)(R < ROWS ? R : ROWS, P, a, a_stride, b, inputs, c, c_stride); break;
#define WEIR_TILE_SWITCH(SUFFIX, COUNT) \
    static __attribute__((noinline)) void NAME(SUFFIX)( \
        size_t rows, const float *a, size_t a_stride, const float *b, size_t inputs, float *c, size_t c_stride) { \
        enum { P = COUNT }; \
        switch (rows) { WEIR_TILE_CASE(1) WEIR_TILE_CASE(2) WEIR_TILE_CASE(3) WEIR_TILE_CASE(4) WEIR_TILE_CASE(5) WEIR_TILE_CASE(6) \
            WEIR_TILE_CASE(7) WEIR_TILE_CASE(8) } \
    }
WEIR_TILE_SWITCH(tiles1, 1)
#if PANELS > 1
WEIR_TILE_SWITCH(tiles2, 2)
#endif
#if PANELS > 2
WEIR_TILE_SWITCH(tiles3, 3)
#endif

// Up to ROWS rows by up to PANELS panels.
EMBED_INLINE void NAME(block)(
    size_t rows, size_t panels, const float *a, size_t a_stride, const float *b, size_t inputs, float *c, size_t c_stride) {
    (void)panels;
#if PANELS > 2
    if (panels == 3) return NAME(tiles3)(rows, a, a_stride, b, inputs, c, c_stride);
#endif
#if PANELS > 1
    if (panels == 2) return NAME(tiles2)(rows, a, a_stride, b, inputs, c, c_stride);
#endif
    NAME(tiles1)(rows, a, a_stride, b, inputs, c, c_stride);
}

// Rows of a tile such that the last one is not much smaller: 17 rows are 6 + 6 + 5, not 8 + 8 + 1.
EMBED_INLINE size_t NAME(tile_rows)(size_t rows) {
    size_t tiles = (rows + ROWS - 1) / ROWS;
    return (rows + tiles - 1) / tiles;
}

// What is done to a tile after the product.
enum NAME(after) { NAME(after_bias) = 0, NAME(after_gelu) = 1, NAME(after_residual) = 2 };

EMBED_INLINE void NAME(finish)(
    int after, size_t rows, size_t columns, const float *bias, const float *residual, float *c, size_t c_stride) {
    for (size_t r = 0; r < rows; r++) {
        float *row = c + r * c_stride;
        for (size_t j = 0; j < columns; j += 16) {
            v16 value = NAME(load)(row + j) + NAME(load)(bias + j);
            if (after == NAME(after_gelu)) value = NAME(gelu)(value);
            if (after == NAME(after_residual)) value += NAME(load)(residual + r * c_stride + j);
            NAME(store)(row + j, value);
        }
    }
}

// c = a W' + bias, with what comes after; `residual` has c's shape.
static void NAME(linear_float)(
    int after, size_t rows, const float *a, const weir_matrix *matrix, const float *residual, float *c) {
    size_t inputs = matrix->inputs, outputs = matrix->outputs, step = NAME(tile_rows)(rows);
    const float *weights = matrix->weights;
    for (size_t j = 0; j < outputs; j += 16 * PANELS) {
        size_t panels = (outputs - j) / 16 < PANELS ? (outputs - j) / 16 : PANELS;
        for (size_t r = 0; r < rows; r += step) {
            size_t count = rows - r < step ? rows - r : step;
            float *tile = c + r * outputs + j;
            NAME(block)(count, panels, a + r * inputs, inputs, weights + j * inputs, inputs, tile, outputs);
            NAME(finish)(after, count, panels * 16, matrix->bias + j, residual ? residual + r * outputs + j : NULL, tile, outputs);
        }
    }
}

// The activations of each row to bytes in -127...127, with a scale and a zero point each: value = scale * (byte - zero). Not symmetric, since
// what comes out of GELU is not; measured, that halves the error. Instructions that want them unsigned get 128 added. `zeros` is what the
// sums of the weights are to be multiplied with and taken off, the 128 included.
static void NAME(quantize)(size_t rows, size_t inputs, const float *a, int8_t *bytes, float *scales, int32_t *zeros) {
    const int32_t offset = DOT_UNSIGNED ? 128 : 0;
    for (size_t r = 0; r < rows; r++) {
        const float *row = a + r * inputs;
        v16 top = {0}, bottom = {0};
        for (size_t k = 0; k < inputs; k += 16) {
            top = __builtin_elementwise_max(top, NAME(load)(row + k));
            bottom = __builtin_elementwise_min(bottom, NAME(load)(row + k));
        }
        float high = top[0], low = bottom[0];
        for (int i = 1; i < 16; i++) high = top[i] > high ? top[i] : high, low = bottom[i] < low ? bottom[i] : low;
        // What is not finite must not reach the conversion below.
        float span = high - low;
        float factor = span > 0 && span < 1e30f ? 254.0f / span : 0;
        float zero = factor > 0 ? -127.0f - (float)(int32_t)(low * factor - 0.5f) : 0;
        scales[r] = factor > 0 ? span / 254.0f : 0;
        zeros[r] = (int32_t)zero + offset;
        for (size_t k = 0; k < inputs; k += 16) {
            v16 value = factor > 0 ? NAME(load)(row + k) * factor : (v16){0};
            value += __builtin_elementwise_copysign((v16){0} + 0.5f, value);
            i16 whole = __builtin_convertvector(value, i16) + (int32_t)zero;
            whole = __builtin_elementwise_min(__builtin_elementwise_max(whole, (i16){0} - 127), (i16){0} + 127);
            *(b16u *)(bytes + r * inputs + k) = __builtin_convertvector(whole + offset, b16);
        }
    }
}

// A tile of bytes, as `tile`; four inputs at a time, as packed.
EMBED_INLINE void NAME(byte_tile)(const int rows, const int panels, const int8_t *a, size_t inputs, const int8_t *b, i16 *c) {
    i16 sum[BYTE_ROWS][BYTE_PANELS];
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)
        _Pragma("clang loop unroll(full)") for (int p = 0; p < panels; p++) sum[r][p] = (i16){0};
    for (size_t k = 0; k < inputs; k += 4) {
        _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) {
            int32_t four;
            __builtin_memcpy(&four, a + r * inputs + k, 4);
            _Pragma("clang loop unroll(full)") for (int p = 0; p < panels; p++)
                sum[r][p] = DOT(sum[r][p], four, b + p * inputs * 16 + k * 16);
        }
    }
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)
        _Pragma("clang loop unroll(full)") for (int p = 0; p < panels; p++) c[r * BYTE_PANELS + p] = sum[r][p];
}

#define WEIR_BYTE_CASE(R, P) case R: NAME(byte_tile)(R < BYTE_ROWS ? R : BYTE_ROWS, P, a, inputs, b, c); break;
#define WEIR_BYTE_SWITCH(SUFFIX, P) \
    static __attribute__((noinline)) void NAME(SUFFIX)(size_t rows, const int8_t *a, size_t inputs, const int8_t *b, i16 *c) { \
        switch (rows) { WEIR_BYTE_CASE(1, P) WEIR_BYTE_CASE(2, P) WEIR_BYTE_CASE(3, P) WEIR_BYTE_CASE(4, P) WEIR_BYTE_CASE(5, P) \
            WEIR_BYTE_CASE(6, P) WEIR_BYTE_CASE(7, P) WEIR_BYTE_CASE(8, P) } \
    }
WEIR_BYTE_SWITCH(byte_tiles1, 1)
#if BYTE_PANELS > 1
WEIR_BYTE_SWITCH(byte_tiles2, BYTE_PANELS)
#endif

static void NAME(linear_int8)(
    int after, size_t rows, const float *a, const weir_matrix *matrix, const float *residual, float *c, const struct workspace *w) {
    size_t inputs = matrix->inputs, outputs = matrix->outputs;
    int8_t *bytes = w->bytes;
    const int8_t *weights = matrix->weights;
    i16 sums[BYTE_ROWS * BYTE_PANELS];
    NAME(quantize)(rows, inputs, a, bytes, w->scales, w->zeros);
    size_t tiles = (rows + BYTE_ROWS - 1) / BYTE_ROWS, step = (rows + tiles - 1) / tiles;
    for (size_t j = 0; j < outputs;) {
        size_t panels = (outputs - j) / 16 >= BYTE_PANELS ? BYTE_PANELS : 1;
        for (size_t r = 0; r < rows; r += step) {
            size_t count = rows - r < step ? rows - r : step;
#if BYTE_PANELS > 1
            if (panels > 1) NAME(byte_tiles2)(count, bytes + r * inputs, inputs, weights + j * inputs, sums);
            else
#endif
                NAME(byte_tiles1)(count, bytes + r * inputs, inputs, weights + j * inputs, sums);
            for (size_t i = 0; i < count; i++) {
                for (size_t p = 0; p < panels; p++) {
                    size_t column = j + p * 16;
                    i16 sum = sums[i * BYTE_PANELS + p] - *(const i16u *)(matrix->sums + column) * w->zeros[r + i];
                    v16 value = __builtin_convertvector(sum, v16) * (NAME(load)(matrix->scales + column) * w->scales[r + i]);
                    NAME(store)(c + (r + i) * outputs + column, value);
                }
            }
            float *tile = c + r * outputs + j;
            NAME(finish)(after, count, panels * 16, matrix->bias + j, residual ? residual + r * outputs + j : NULL, tile, outputs);
        }
        j += panels * 16;
    }
}

EMBED_INLINE void NAME(linear)(
    int after, size_t rows, const float *a, const weir_matrix *matrix, const float *residual, float *c, const struct workspace *w) {
    if (matrix->scales) NAME(linear_int8)(after, rows, a, matrix, residual, c, w);
    else NAME(linear_float)(after, rows, a, matrix, residual, c);
}

// Layer normalisation of each row, in place.
static void NAME(normalize)(float *rows, size_t count, size_t width, const float *norm, float epsilon) {
    for (size_t r = 0; r < count; r++) {
        float *row = rows + r * width;
        v16 total = {0}, squares = {0};
        for (size_t j = 0; j < width; j += 16) total += NAME(load)(row + j);
        float mean = NAME(sum)(total) / (float)width;
        for (size_t j = 0; j < width; j += 16) {
            v16 off = NAME(load)(row + j) - mean;
            squares += off * off;
        }
        float factor = 1.0f / sqrtf(NAME(sum)(squares) / (float)width + epsilon);
        for (size_t j = 0; j < width; j += 16) {
            v16 value = (NAME(load)(row + j) - mean) * factor;
            NAME(store)(row + j, value * NAME(load)(norm + j) + NAME(load)(norm + width + j));
        }
    }
}

// Softmax of the first `count` of `padded` scores, scaled before; the rest becomes 0.
EMBED_INLINE void NAME(softmax)(float *scores, size_t count, size_t padded, float scale) {
    for (size_t j = count; j < padded; j++) scores[j] = -1e30f;
    v16 top = (v16){0} - 1e30f;
    for (size_t j = 0; j < padded; j += 16) top = __builtin_elementwise_max(top, NAME(load)(scores + j));
    float highest = top[0];
    for (int i = 1; i < 16; i++) highest = top[i] > highest ? top[i] : highest;
    v16 total = {0};
    for (size_t j = 0; j < padded; j += 16) {
        v16 value = NAME(exp)((NAME(load)(scores + j) - highest) * scale);
        if (j + 16 > count) for (int i = 0; i < 16; i++) if (j + (size_t)i >= count) value[i] = 0;
        total += value;
        NAME(store)(scores + j, value);
    }
    float factor = 1.0f / NAME(sum)(total);
    for (size_t j = 0; j < padded; j += 16) NAME(store)(scores + j, NAME(load)(scores + j) * factor);
}

// One head: keys and values are packed like weights, so that the same tiles multiply with them.
static void NAME(attend)(
    const float *qkv, size_t count, size_t width, size_t head, float *keys, float *values, float *scores, float *context) {
    size_t padded = (count + 15) & ~(size_t)15, stride = 3 * width;
    const float *query = qkv + head * 32, *key = query + width, *value = query + 2 * width;
    for (size_t t = 0; t < padded; t++) {
        float *packed = keys + (t & ~(size_t)15) * 32 + (t & 15);
        for (size_t d = 0; d < 32; d++) packed[d * 16] = t < count ? key[t * stride + d] : 0;
        for (size_t d = 0; d < 32; d += 16)
            NAME(store)(values + (d * padded) + t * 16, t < count ? NAME(load)(value + t * stride + d) : (v16){0});
    }
    size_t step = NAME(tile_rows)(count);
    for (size_t r = 0; r < count; r += step) {
        size_t rows = count - r < step ? count - r : step;
        for (size_t j = 0; j < padded; j += 16 * PANELS) {
            size_t panels = (padded - j) / 16 < PANELS ? (padded - j) / 16 : PANELS;
            NAME(block)(rows, panels, query + r * stride, stride, keys + j * 32, 32, scores + j, padded);
        }
        for (size_t i = 0; i < rows; i++) NAME(softmax)(scores + i * padded, count, padded, 0.17677669529663689f);
        for (size_t j = 0; j < 2; j += PANELS) {
            size_t panels = 2 - j < PANELS ? 2 - j : PANELS;
            NAME(block)(rows, panels, scores, padded, values + j * 16 * padded, padded, context + r * width + head * 32 + j * 16, width);
        }
    }
}

static void NAME(look_up)(const weir_transformer *model, const uint32_t *ids, size_t count, float *x) {
    size_t width = model->width;
    for (size_t t = 0; t < count; t++) {
        const float *position = model->positions + t * width;
        float *row = x + t * width;
        if (model->word_scales) {
            const int8_t *word = (const int8_t *)model->words + (size_t)ids[t] * width;
            float scale = model->word_scales[ids[t]];
            for (size_t j = 0; j < width; j++) row[j] = (float)word[j] * scale + position[j];
        } else {
            const uint16_t *word = (const uint16_t *)model->words + (size_t)ids[t] * width;
            for (size_t j = 0; j < width; j++) row[j] = half_value(word[j]) + position[j];
        }
    }
}

static void NAME(pool)(const float *x, size_t count, size_t width, float *vector) {
    double squares = 0;
    for (size_t j = 0; j < width; j++) vector[j] = 0;
    for (size_t t = 0; t < count; t++)
        for (size_t j = 0; j < width; j++) vector[j] += x[t * width + j];
    for (size_t j = 0; j < width; j++) squares += (double)vector[j] * vector[j];
    float factor = squares > 0 && squares < 1e30 ? (float)(1.0 / sqrt(squares)) : 0;
    for (size_t j = 0; j < width; j++) vector[j] = factor == 0 ? 0 : vector[j] * factor;
}

static void NAME(embed)(const weir_transformer *model, const uint32_t *ids, size_t count, float *vector, void *workspace) {
    struct workspace w = divide(model, count, workspace);
    size_t width = model->width;
    NAME(look_up)(model, ids, count, w.x);
    NAME(normalize)(w.x, count, width, model->norm, model->epsilon);
    for (uint32_t index = 0; index < model->layer_count; index++) {
        const weir_layer *layer = &model->layers[index];
        NAME(linear)(NAME(after_bias), count, w.x, &layer->attention, NULL, w.wide, &w);
        for (size_t head = 0; head < model->heads; head++)
            NAME(attend)(w.wide, count, width, head, w.keys, w.values, w.scores, w.context);
        NAME(linear)(NAME(after_residual), count, w.context, &layer->output, w.x, w.y, &w);
        NAME(normalize)(w.y, count, width, layer->attention_norm, model->epsilon);
        NAME(linear)(NAME(after_gelu), count, w.y, &layer->up, NULL, w.wide, &w);
        NAME(linear)(NAME(after_residual), count, w.wide, &layer->down, w.y, w.x, &w);
        NAME(normalize)(w.x, count, width, layer->output_norm, model->epsilon);
    }
    NAME(pool)(w.x, count, width, vector);
}

// The next instruction set brings its own.
#undef NAME
#undef ROWS
#undef PANELS
#undef BYTE_ROWS
#undef BYTE_PANELS
#undef DOT
#undef DOT_UNSIGNED
