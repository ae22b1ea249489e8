// CCurl: what Swift sees of <curl/curl.h>. Variadic functions and macros come through as static inline wrappers.
#ifndef WEIR_CCURL_SHIM_H
#define WEIR_CCURL_SHIM_H
#ifndef CURL_DISABLE_TYPECHECK
#define CURL_DISABLE_TYPECHECK
#endif
#include <curl/curl.h>
#include <sys/socket.h>

typedef size_t (*weir_data_callback)(char *bytes, size_t size, size_t count, void *context);
typedef int (*weir_seek_callback)(void *context, curl_off_t offset, int origin);
typedef curl_socket_t (*weir_open_callback)(void *context, curlsocktype purpose, struct curl_sockaddr *address);
typedef int (*weir_close_callback)(void *context, curl_socket_t socket);
typedef int (*weir_prereq_callback)(void *context, char *remote, char *local, int remote_port, int local_port);
typedef int (*weir_socket_callback)(CURL *easy, curl_socket_t socket, int what, void *context, void *assigned);
typedef int (*weir_timer_callback)(CURLM *multi, long milliseconds, void *context);

static inline CURLcode weir_easy_set_long(CURL *easy, CURLoption option, long value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode weir_easy_set_size(CURL *easy, CURLoption option, curl_off_t value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode weir_easy_set_pointer(CURL *easy, CURLoption option, const void *value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode weir_easy_set_text(CURL *easy, CURLoption option, const char *value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode weir_easy_set_data_callback(CURL *easy, CURLoption option, weir_data_callback value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode weir_easy_set_seek(CURL *easy, weir_seek_callback value) { return curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, value); }
static inline CURLcode weir_easy_set_open_socket(CURL *easy, weir_open_callback value) { return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, value); }
static inline CURLcode weir_easy_set_close_socket(CURL *easy, weir_close_callback value) { return curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, value); }
static inline CURLcode weir_easy_set_prereq(CURL *easy, weir_prereq_callback value) { return curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, value); }

static inline CURLcode weir_easy_get_long(CURL *easy, CURLINFO info, long *value) { return curl_easy_getinfo(easy, info, value); }
static inline CURLcode weir_easy_get_size(CURL *easy, CURLINFO info, curl_off_t *value) { return curl_easy_getinfo(easy, info, value); }
static inline CURLcode weir_easy_get_pointer(CURL *easy, CURLINFO info, void **value) { return curl_easy_getinfo(easy, info, value); }

static inline CURLMcode weir_multi_set_long(CURLM *multi, CURLMoption option, long value) { return curl_multi_setopt(multi, option, value); }
static inline CURLMcode weir_multi_set_pointer(CURLM *multi, CURLMoption option, void *value) { return curl_multi_setopt(multi, option, value); }
static inline CURLMcode weir_multi_set_socket_callback(CURLM *multi, weir_socket_callback value) { return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, value); }
static inline CURLMcode weir_multi_set_timer_callback(CURLM *multi, weir_timer_callback value) { return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, value); }
static inline CURLSHcode weir_share_set(CURLSH *share, CURLSHoption option, long value) { return curl_share_setopt(share, option, value); }

/// A finished transfer off the multi handle's queue: its easy handle and result. 0 when none waits.
static inline int weir_multi_next_done(CURLM *multi, CURL **easy, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        *easy = message->easy_handle;
        *result = message->data.result;
        return 1;
    }
    return 0;
}

/// The system's address inside curl's structure, which ends in it.
static inline const struct sockaddr *weir_address(const struct curl_sockaddr *address) { return &address->addr; }

/// Macros that Swift does not import.
static inline size_t weir_read_pause(void) { return CURL_READFUNC_PAUSE; }
static inline size_t weir_read_abort(void) { return CURL_READFUNC_ABORT; }
static inline curl_socket_t weir_socket_bad(void) { return CURL_SOCKET_BAD; }
static inline curl_socket_t weir_socket_timeout(void) { return CURL_SOCKET_TIMEOUT; }
#endif
