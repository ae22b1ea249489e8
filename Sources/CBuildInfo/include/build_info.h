// CBuildInfo: what is known only when the binary is built. In C because a define reaches one small file this way: a new commit
// recompiles that file instead of every Swift module.
#ifndef WEIR_BUILD_INFO_H
#define WEIR_BUILD_INFO_H

/// The commit the binary was built from (`git describe --always --dirty`), or "unknown" when built without `scripts/build`.
const char *weir_build_commit(void);

#endif
