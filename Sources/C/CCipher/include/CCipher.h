#pragma once
// Nothing to call: linked in place of libcrypto's EVP_Cipher and EVP_CIPHER_CTX_free (`--wrap`). Why: docs/decisions/0012.
