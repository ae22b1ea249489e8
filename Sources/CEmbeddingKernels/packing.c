// What installation does to weights. Speed does not matter here.
#include "embedding_kernels.h"

#include <math.h>

static float largest(const float *values, size_t count) {
    float top = 0;
    for (size_t i = 0; i < count; i++) top = fabsf(values[i]) > top ? fabsf(values[i]) : top;
    return top;
}

static int8_t to_byte(float value) {
    float rounded = roundf(value);
    return (int8_t)(rounded > 127 ? 127 : rounded < -127 ? -127 : rounded);
}

void weir_pack_float(const float *weights, uint32_t outputs, uint32_t inputs, float *packed) {
    for (uint32_t j = 0; j < outputs; j++)
        for (uint32_t k = 0; k < inputs; k++)
            packed[(size_t)(j / 16) * 16 * inputs + (size_t)k * 16 + j % 16] = weights[(size_t)j * inputs + k];
}

void weir_pack_int8(const float *weights, uint32_t outputs, uint32_t inputs, int8_t *packed, float *scales, int32_t *sums) {
    for (uint32_t j = 0; j < outputs; j++) {
        const float *row = weights + (size_t)j * inputs;
        float top = largest(row, inputs), factor = top > 0 ? 127.0f / top : 0;
        int32_t sum = 0;
        for (uint32_t k = 0; k < inputs; k++) {
            int8_t byte = to_byte(row[k] * factor);
            sum += byte;
            packed[(size_t)(j / 16) * 16 * inputs + (size_t)(k / 4) * 64 + j % 16 * 4 + k % 4] = byte;
        }
        scales[j] = top / 127.0f;
        sums[j] = sum;
    }
}

void weir_quantize_rows(const float *rows, uint32_t count, uint32_t stride, uint32_t width, int8_t *quantized, float *scales) {
    for (uint32_t i = 0; i < count; i++) {
        const float *row = rows + (size_t)i * stride;
        float top = largest(row, width), factor = top > 0 ? 127.0f / top : 0;
        for (uint32_t j = 0; j < width; j++) quantized[(size_t)i * width + j] = to_byte(row[j] * factor);
        scales[i] = top / 127.0f;
    }
}

static uint16_t half_of(float value) {
    uint32_t bits;
    __builtin_memcpy(&bits, &value, 4);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    float magnitude = fabsf(value);
    if (!(magnitude < 65504.0f)) return sign | 0x7BFF;  // weights are nowhere near
    // Below 2^-14 halves are multiples of 2^-24; above, the mantissa loses 13 bits. Both round to nearest even.
    if (magnitude < 0x1p-14f) return sign | (uint16_t)rintf(magnitude * 0x1p24f);
    bits &= 0x7FFFFFFF;
    bits += 0xFFF + (bits >> 13 & 1);
    return sign | (uint16_t)((bits - (112u << 23)) >> 13);
}

void weir_half_rows(const float *values, size_t count, uint16_t *halves) {
    for (size_t i = 0; i < count; i++) halves[i] = half_of(values[i]);
}
