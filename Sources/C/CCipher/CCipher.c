// libssh2 has the cipher called for each block of 16 bytes, where the call costs many times the encryption. In counter mode
// the key stream depends on the position alone: it is made ahead, some kilobytes at a time, by libcrypto itself, and a call
// for a block only combines it with the text. What goes over the wire is the same, byte for byte.
#include "CCipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK = 16, AHEAD = 4096 };

// The key stream of one context, kept as its application data, which libssh2 leaves alone.
struct ahead {
    size_t used;  // bytes of `stream` that have been combined with text
    int is_one;   // success is told as 1, not as a number of bytes (libcrypto before 3.0)
    unsigned char stream[AHEAD];
};

int __real_EVP_Cipher(EVP_CIPHER_CTX *context, unsigned char *out, const unsigned char *in, unsigned count);
void __real_EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *context);
int __wrap_EVP_Cipher(EVP_CIPHER_CTX *context, unsigned char *out, const unsigned char *in, unsigned count);
void __wrap_EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *context);

// 0 when libcrypto failed.
static int refill(struct ahead *ahead, EVP_CIPHER_CTX *context) {
    memset(ahead->stream, 0, AHEAD);
    int result = __real_EVP_Cipher(context, ahead->stream, ahead->stream, AHEAD);
    if (result <= 0) return 0;
    ahead->is_one = result == 1;
    ahead->used = 0;
    return 1;
}

int __wrap_EVP_Cipher(EVP_CIPHER_CTX *context, unsigned char *out, const unsigned char *in, unsigned count) {
    struct ahead *ahead = EVP_CIPHER_CTX_get_app_data(context);
    if (ahead == NULL) {
        int is_counter = count == BLOCK && (EVP_CIPHER_CTX_flags(context) & EVP_CIPH_MODE) == EVP_CIPH_CTR_MODE;
        if (is_counter) ahead = OPENSSL_malloc(sizeof *ahead);
        if (ahead == NULL) return __real_EVP_Cipher(context, out, in, count);
        ahead->used = AHEAD;
        EVP_CIPHER_CTX_set_app_data(context, ahead);
    }
    for (unsigned done = 0; done < count;) {
        if (ahead->used == AHEAD && !refill(ahead, context)) return -1;
        const unsigned char *stream = ahead->stream + ahead->used;
        size_t size = count - done < AHEAD - ahead->used ? count - done : AHEAD - ahead->used;
        size_t at = 0;
        for (; at + 8 <= size; at += 8) {
            uint64_t text, key;
            memcpy(&text, in + done + at, 8);
            memcpy(&key, stream + at, 8);
            text ^= key;
            memcpy(out + done + at, &text, 8);
        }
        for (; at < size; at++) out[done + at] = in[done + at] ^ stream[at];
        ahead->used += size;
        done += (unsigned)size;
    }
    return ahead->is_one ? 1 : (int)count;
}

void __wrap_EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *context) {
    struct ahead *ahead = context == NULL ? NULL : EVP_CIPHER_CTX_get_app_data(context);
    if (ahead != NULL) OPENSSL_clear_free(ahead, sizeof *ahead);
    __real_EVP_CIPHER_CTX_free(context);
}
