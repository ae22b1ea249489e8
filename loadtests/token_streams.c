// Streams of tokens, sent and received by one process, so that both ends share a clock and no scheduler stands between them.
//
//   token_streams UPSTREAM_PORT TARGET_PORT PATH KEY STREAMS CONTROLS SECONDS
//
// Listens on UPSTREAM_PORT as a provider that answers each request with server-sent events: TOKENS deltas, GAP apart, the first at once, each
// one chunk with the time of sending in it. At the same time holds STREAMS streams through TARGET_PORT (a gateway whose upstream is
// UPSTREAM_PORT) and CONTROLS streams that go to UPSTREAM_PORT directly. A stream that has ended begins anew; their beginnings are spread
// evenly over the length of a stream. What a gateway adds is the difference of the two kinds, which met the same noise.
//
// Prints one line of JSON: for "target" and "direct", microseconds as [p50, p99, max] of
//   ttft    from sending the request to having the first delta
//   delay   from sending a later delta to having it
//   gap     how much longer the pause before a delta is at its arrival than at its sending
// and streams done, tokens, those that came together with an earlier one of the same stream (buffered), the least number held, errors.
// The first second counts for nothing.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TOKENS = 64, LINE_MAX_BYTES = 4096, CONNECTIONS_MAX = 8192 };
static const int64_t GAP = 20 * 1000 * 1000, WARM_UP = 1000 * 1000 * 1000;
enum kind { LISTENER, PROVIDER, CLIENT };
enum framing { SIZE, EXTENSION, DATA, DATA_END, TRAILER, DONE };

struct connection {
    enum kind kind;
    int socket, direct, is_open;
    // Provider: the delta that is next, and when.
    int sent;
    int64_t due;
    // Client: where in the answer it is.
    int64_t asked, last_delay;
    int in_head, got, line_length, fresh, done_seen;
    int64_t left;
    enum framing framing;
    // Either: bytes up to the end of a head, or of a line.
    char line[LINE_MAX_BYTES];
};

struct samples { int64_t *values; size_t count, room; };
struct kind_of_stream { struct samples ttft, delay, gap; long streams, tokens, buffered; };

static struct kind_of_stream results[2];  // through the target, direct
static int epoll_fd, upstream_port, target_port;
static const char *path, *key;
static long errors, all_tokens;
static int ended;
static int64_t began, end;
// Gaps are all the same, so the provider's next deltas are due in the order in which the last ones were sent.
static struct connection *waiting[CONNECTIONS_MAX];
static unsigned first_waiting, waiting_count;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

static void note(struct samples *samples, int64_t value) {
    if (samples->count == samples->room) {
        samples->room = samples->room ? 2 * samples->room : 4096;
        samples->values = realloc(samples->values, samples->room * sizeof *samples->values);
        if (!samples->values) die("out of memory");
    }
    samples->values[samples->count++] = value;
}

static void watch(struct connection *connection) {
    int yes = 1;
    if (connection->kind != LISTENER) setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(connection->socket, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->socket, &event) < 0) die("epoll_ctl: %s", strerror(errno));
    connection->is_open = 1;
}

static struct connection *opened(enum kind kind, int socket) {
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) die("out of memory");
    connection->kind = kind;
    connection->socket = socket;
    watch(connection);
    return connection;
}

static void transmit(struct connection *connection, const char *bytes, int length) {
    if (send(connection->socket, bytes, length, MSG_NOSIGNAL) != length) {
        errors++;
        fprintf(stderr, "send: %s\n", strerror(errno));
    }
}

// The provider

static void send_delta(struct connection *connection) {
    char event[512], out[1024];
    int at = 0, length;
    if (connection->sent == 0)
        at = sprintf(out, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n");
    length = sprintf(event,
        "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"m\",\"choices\":[{\"index\":0,"
        "\"delta\":{\"content\":\"token %02d %019lld\"},\"finish_reason\":null}]}\n\n", connection->sent, (long long)now());
    at += sprintf(out + at, "%x\r\n%s\r\n", length, event);
    transmit(connection, out, at);
    if (++connection->sent < TOKENS) {
        connection->due += GAP;
        waiting[(first_waiting + waiting_count++) % CONNECTIONS_MAX] = connection;
        return;
    }
    length = sprintf(event,
        "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"m\",\"choices\":[{\"index\":0,"
        "\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    at = sprintf(out, "%x\r\n%s\r\n0\r\n\r\n", length, event);
    transmit(connection, out, at);
}

static void provide(struct connection *connection, const char *bytes, int length) {
    if (connection->line_length + length >= LINE_MAX_BYTES) die("a request of more than %d bytes", LINE_MAX_BYTES);
    memcpy(connection->line + connection->line_length, bytes, length);
    connection->line_length += length;
    connection->line[connection->line_length] = 0;
    char *end = strstr(connection->line, "\r\n\r\n"), *field = strcasestr(connection->line, "content-length:");
    int chunked = end && strcasestr(connection->line, "transfer-encoding: chunked") != NULL;
    if (!end) return;
    if (chunked ? !strstr(end + 4, "0\r\n\r\n") : !field || connection->line + connection->line_length < end + 4 + atoi(field + 15)) return;
    connection->line_length = connection->sent = 0;
    connection->due = now();
    send_delta(connection);
}

// The client

static void ask(struct connection *connection) {
    char out[2048], body[512];
    // No two alike, or a cache would answer.
    int length = sprintf(body,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":\"%020lld Tell me about weirs"
        " and rivers. Tell me about weirs and rivers. Tell me about weirs and\"}],\"stream\":true,\"temperature\":0.2}", (long long)now());
    length = sprintf(out,
        "POST %s HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s",
        connection->direct ? "/v1/chat/completions" : path, key, length, body);
    connection->in_head = 1;
    connection->line_length = connection->got = connection->done_seen = 0;
    connection->framing = SIZE;
    connection->left = 0;
    connection->asked = now();
    transmit(connection, out, length);
}

static struct connection *connected(int direct) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(direct ? upstream_port : target_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof address) < 0) die("connect: %s", strerror(errno));
    struct connection *connection = opened(CLIENT, descriptor);
    connection->direct = direct;
    return connection;
}

static void fail(struct connection *connection, const char *why) {
    if (errors++ < 5) fprintf(stderr, "%s: %s after %d tokens: %.300s\n", connection->direct ? "direct" : "target", why, connection->got, connection->line);
    connection->framing = DONE;
    connection->in_head = 0;
}

static void token(struct connection *connection, const char *text, int64_t at) {
    struct kind_of_stream *kind = &results[connection->direct];
    int number = atoi(text + 6), counts = at - began > WARM_UP && at < end;
    if (number != connection->got) return fail(connection, "a token out of turn");
    int64_t delay = at - strtoll(text + 9, NULL, 10);
    connection->got++;
    all_tokens += !connection->direct;
    if (counts) {
        kind->tokens++;
        if (number == 0) {
            note(&kind->ttft, at - connection->asked);
        } else {
            note(&kind->delay, delay);
            note(&kind->gap, delay - connection->last_delay);
            if (!connection->fresh) kind->buffered++;
        }
    }
    connection->fresh = 0;
    connection->last_delay = delay;
}

static void line(struct connection *connection, int64_t at) {
    connection->line[connection->line_length] = 0;
    connection->line_length = 0;
    if (strncmp(connection->line, "data: ", 6) != 0) return;
    const char *text = strstr(connection->line, "\"token ");
    if (text) token(connection, text + 1, at);
    if (strcmp(connection->line, "data: [DONE]") == 0) connection->done_seen = 1;
}

static void add_to_line(struct connection *connection, char byte, int64_t at) {
    if (byte == '\n') return line(connection, at);
    if (connection->line_length + 1 < LINE_MAX_BYTES) connection->line[connection->line_length++] = byte;
}

// One byte of a chunked body.
static void body_byte(struct connection *connection, char byte, int64_t at) {
    switch (connection->framing) {
    case SIZE:
        if (byte == '\n') {
            connection->framing = connection->left ? DATA : TRAILER;
        } else if (byte == ';') {
            connection->framing = EXTENSION;
        } else if (byte != '\r') {
            int digit = byte >= '0' && byte <= '9' ? byte - '0' : (byte | 32) >= 'a' && (byte | 32) <= 'f' ? (byte | 32) - 'a' + 10 : -1;
            if (digit < 0) return fail(connection, "no chunk size");
            connection->left = connection->left * 16 + digit;
        }
        break;
    case EXTENSION: if (byte == '\n') connection->framing = connection->left ? DATA : TRAILER; break;
    case DATA:
        add_to_line(connection, byte, at);
        if (--connection->left == 0) connection->framing = DATA_END;
        break;
    case DATA_END: if (byte == '\n') connection->framing = SIZE; break;
    case TRAILER: if (byte == '\n') connection->framing = DONE; break;
    case DONE: break;
    }
}

static void receive(struct connection *connection, const char *bytes, int length) {
    int64_t at = now();
    connection->fresh = 1;
    for (int index = 0; index < length && connection->framing != DONE; index++) {
        if (!connection->in_head) {
            body_byte(connection, bytes[index], at);
            continue;
        }
        if (connection->line_length + 1 >= LINE_MAX_BYTES) return fail(connection, "a head too long");
        connection->line[connection->line_length++] = bytes[index];
        if (connection->line_length > 3 && memcmp(connection->line + connection->line_length - 4, "\r\n\r\n", 4) == 0) {
            connection->line[connection->line_length] = 0;
            if (strncmp(connection->line, "HTTP/1.1 200", 12) != 0) fail(connection, "no 200");
            else if (!strcasestr(connection->line, "transfer-encoding: chunked")) fail(connection, "no chunked answer");
            connection->in_head = 0;
            connection->line_length = 0;
        }
    }
    if (connection->framing != DONE) return;
    if (connection->got != TOKENS || !connection->done_seen) fail(connection, "a stream cut short");
    else if (at - began > WARM_UP && at < end) results[connection->direct].streams++;
    if (errors >= 100) die("too many errors");
    if (at < end) ask(connection);
    else ended++;
}

static void readable(struct connection *connection) {
    static char bytes[65536];
    if (connection->kind == LISTENER) {
        int descriptor = accept(connection->socket, NULL, NULL);
        if (descriptor >= 0) opened(PROVIDER, descriptor);
        return;
    }
    ssize_t length = recv(connection->socket, bytes, sizeof bytes, 0);
    if (length > 0) return connection->kind == PROVIDER ? provide(connection, bytes, length) : receive(connection, bytes, length);
    if (length < 0 && errno == EAGAIN) return;
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, connection->socket, NULL);
    close(connection->socket);
    connection->is_open = 0;
    if (connection->kind == CLIENT) {
        fail(connection, "closed");
        ended++;
    }
}

// Results

static int ascending(const void *left, const void *right) {
    int64_t one = *(const int64_t *)left, two = *(const int64_t *)right;
    return (one > two) - (one < two);
}

static void print_samples(const char *name, struct samples *samples) {
    size_t count = samples->count;
    if (!count) {
        printf("\"%s\":null,", name);
        return;
    }
    qsort(samples->values, count, sizeof *samples->values, ascending);
    printf("\"%s\":[%.2f,%.2f,%.2f],", name, samples->values[count / 2] / 1e3, samples->values[count - 1 - count / 100] / 1e3, samples->values[count - 1] / 1e3);
}

static void print_kind(const char *name, struct kind_of_stream *kind) {
    printf("\"%s\":{", name);
    print_samples("ttft", &kind->ttft);
    print_samples("delay", &kind->delay);
    print_samples("gap", &kind->gap);
    printf("\"streams\":%ld,\"tokens\":%ld,\"buffered\":%ld},", kind->streams, kind->tokens, kind->buffered);
}

static void listen_upstream(void) {
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(upstream_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 2048) < 0) die("port %d: %s", upstream_port, strerror(errno));
    opened(LISTENER, listener);
}

int main(int count, char **arguments) {
    if (count != 8) die("usage: token_streams UPSTREAM_PORT TARGET_PORT PATH KEY STREAMS CONTROLS SECONDS");
    upstream_port = atoi(arguments[1]);
    target_port = atoi(arguments[2]);
    path = arguments[3];
    key = arguments[4];
    int streams = atoi(arguments[5]), controls = atoi(arguments[6]), all = streams + controls, started = 0;
    if (all < 1 || all > CONNECTIONS_MAX / 2) die("streams: 1 to %d", CONNECTIONS_MAX / 2);
    prctl(PR_SET_TIMERSLACK, 1000);  // wake within 1 µs of when it was asked for, not 50
    epoll_fd = epoll_create1(0);
    listen_upstream();
    struct connection **clients = calloc(all, sizeof *clients);
    if (!clients) die("out of memory");
    began = now();
    end = began + WARM_UP + atoll(arguments[7]) * 1000000000LL;
    // Every stream is let come to its end: a provider that broke them off would be shunned in the next run.
    int64_t latest = end + 10 * GAP * TOKENS, spacing = GAP * TOKENS / all, time;
    while ((time = now()) < latest && ended < all) {
        int64_t next = latest;
        if (started < all && time >= began + started * spacing) {
            // Controls are spread among the others.
            int direct = (int64_t)(started + 1) * controls / all != (int64_t)started * controls / all;
            clients[started] = connected(direct);
            ask(clients[started++]);
        }
        if (started < all) next = began + started * spacing;
        if (waiting_count && waiting[first_waiting]->due <= time) {
            struct connection *connection = waiting[first_waiting];
            first_waiting = (first_waiting + 1) % CONNECTIONS_MAX;
            waiting_count--;
            if (connection->is_open) send_delta(connection);
        }
        if (waiting_count && waiting[first_waiting]->due < next) next = waiting[first_waiting]->due;
        time = now();
        struct timespec wait = {.tv_nsec = next > time ? (next - time < 999999999 ? next - time : 999999999) : 0};
        struct epoll_event events[64];
        int ready = epoll_pwait2(epoll_fd, events, 64, &wait, NULL);
        for (int index = 0; index < ready; index++) readable(events[index].data.ptr);
    }
    int held = 0;
    for (int index = 0; index < started; index++) held += clients[index]->is_open;
    putchar('{');
    print_kind("target", &results[0]);
    print_kind("direct", &results[1]);
    printf("\"held\":%d,\"all_tokens\":%ld,\"errors\":%ld}\n", held, all_tokens, errors);
    return 0;
}
