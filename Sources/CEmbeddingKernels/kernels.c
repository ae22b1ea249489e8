#include "embedding_kernels.h"
