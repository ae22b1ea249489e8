// Kernels of the embedding model's forward pass, with run-time dispatch over the processor's instruction sets.
#ifndef EMBEDDING_KERNELS_H
#define EMBEDDING_KERNELS_H

#endif
