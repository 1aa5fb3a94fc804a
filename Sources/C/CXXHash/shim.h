#pragma once
// Inlined, so that the archive of xxHash is not needed for the one-shot functions and the state types are complete.
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>
