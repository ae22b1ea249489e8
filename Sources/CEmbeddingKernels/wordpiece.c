// Look-up in the tables of the uncased normaliser: binary searches, for scalars outside ASCII only.
#include "embedding_kernels.h"
#include "wordpiece_tables.inc"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int find_range(uint32_t scalar) {
    size_t low = 0, high = COUNT(scalar_ranges);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (scalar_ranges[middle][1] < scalar) low = middle + 1;
        else high = middle;
    }
    return low < COUNT(scalar_ranges) && scalar_ranges[low][0] <= scalar ? (int)low : -1;
}

static int find_map(uint32_t scalar) {
    size_t low = 0, high = COUNT(scalar_maps);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (scalar_maps[middle][0] < scalar) low = middle + 1;
        else high = middle;
    }
    return low < COUNT(scalar_maps) && scalar_maps[low][0] == scalar ? (int)low : -1;
}

weir_scalar_class weir_classify_scalar(uint32_t scalar) {
    weir_scalar_class result = {0};
    int range = find_range(scalar);
    if (range >= 0) {
        result.kind = (uint8_t)(scalar_ranges[range][2] & 0xFF);
        result.combining_class = (uint8_t)(scalar_ranges[range][2] >> 8);
        return result;
    }
    int map = find_map(scalar);
    if (map < 0) return result;
    uint32_t value = scalar_maps[map][1];
    result.kind = WEIR_SCALAR_MAPPED;
    result.surrounded = (value >> 21) & 1;
    if ((value >> 22) & 1) {
        result.count = (uint8_t)(value >> 24);
        result.several = &scalar_pool[value & 0x1FFFFF];
    } else {
        result.count = 1;
        result.single = value & 0x1FFFFF;
    }
    return result;
}
