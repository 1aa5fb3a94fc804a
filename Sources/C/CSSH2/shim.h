#pragma once
#include <libssh2.h>
#include <zlib.h>
