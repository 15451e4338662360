/* A closed-loop HTTP/1.1 load generator for prepared requests.
 *
 *   load ADDRESS PORT CONNECTIONS FILE [RATE]
 *
 * FILE holds whole requests, signed beforehand, each preceded by its length as a 32-bit
 * little-endian number. Every request is sent once, each connection keeping one in flight; with
 * RATE (requests a second) sends are paced and latency counts from the moment a request was due,
 * so that a stalled server is not flattered (coordinated omission). One JSON object is printed:
 * requests, seconds, per_second, latencies in microseconds, and counts by status class.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 17, MAX_CONNECTIONS = 512 };

struct connection {
    int descriptor;
    int busy;
    uint64_t due_ns;
    size_t received;
    char buffer[BUFFER_BYTES];
};

struct request {
    const char *bytes;
    uint32_t length;
};

static struct connection *connections;
static struct pollfd polls[MAX_CONNECTIONS];
static struct request *requests;
static size_t request_count;
static uint32_t *latencies_us;
static size_t answered;
static size_t statuses[6];

static uint64_t now_ns(void) {
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return (uint64_t)moment.tv_sec * 1000000000u + (uint64_t)moment.tv_nsec;
}

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void read_requests(const char *path) {
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file || fstat(fileno(file), &status) != 0) die(path);
    size_t size = (size_t)status.st_size;
    char *bytes = malloc(size + 1);
    if (!bytes || fread(bytes, 1, size, file) != size) die(path);
    fclose(file);
    for (size_t offset = 0; offset + 4 <= size;) {
        uint32_t length;
        memcpy(&length, bytes + offset, 4);
        offset += 4;
        if (offset + length > size) die("truncated file of requests");
        if (request_count % 4096 == 0) {
            requests = realloc(requests, (request_count + 4096) * sizeof *requests);
            if (!requests) die("memory");
        }
        requests[request_count++] = (struct request){bytes + offset, length};
        offset += length;
    }
}

static void open_connection(struct connection *c, const struct sockaddr_in *address) {
    int one = 1;
    c->descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (c->descriptor < 0) die("socket");
    setsockopt(c->descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->descriptor, (const struct sockaddr *)address, sizeof *address) != 0)
        die("connect");
    c->busy = 0;
    c->received = 0;
}

static void send_request(struct connection *c, const struct request *r, uint64_t due) {
    size_t sent = 0;
    while (sent < r->length) {
        ssize_t n = send(c->descriptor, r->bytes + sent, r->length - sent, MSG_NOSIGNAL);
        if (n <= 0) die("send");
        sent += (size_t)n;
    }
    c->busy = 1;
    c->due_ns = due;
    c->received = 0;
}

/* Returns 1 when the answer is whole: its head ends and Content-Length bytes followed. */
static int answer_is_whole(struct connection *c, int *must_close) {
    c->buffer[c->received] = 0;
    char *end = strstr(c->buffer, "\r\n\r\n");
    if (!end) return 0;
    char *length = strcasestr(c->buffer, "\r\nContent-Length:");
    if (!length || length > end) {
        errno = EPROTO;
        die("an answer without Content-Length");
    }
    size_t head = (size_t)(end - c->buffer) + 4;
    size_t body = strtoul(length + 17, NULL, 10);
    if (head + body >= BUFFER_BYTES) die("an answer that is too long");
    char *closing = strcasestr(c->buffer, "\r\nConnection: close");
    *must_close = closing && closing < end;
    return c->received >= head + body;
}

static void take_answer(struct connection *c, const struct sockaddr_in *address) {
    ssize_t n = recv(c->descriptor, c->buffer + c->received, BUFFER_BYTES - 1 - c->received, 0);
    int must_close = 0;
    if (n <= 0) die("the server closed a connection in the middle of an answer");
    c->received += (size_t)n;
    if (!answer_is_whole(c, &must_close)) return;
    unsigned status = (unsigned)(c->buffer[9] - '0');
    statuses[status < 6 ? status : 0]++;
    latencies_us[answered++] = (uint32_t)((now_ns() - c->due_ns) / 1000);
    c->busy = 0;
    if (must_close) {
        close(c->descriptor);
        open_connection(c, address);
    }
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t quantile(double q) {
    return answered ? latencies_us[(size_t)(q * (double)(answered - 1))] : 0;
}

int main(int count, char **arguments) {
    if (count < 5) {
        fprintf(stderr, "usage: load ADDRESS PORT CONNECTIONS FILE [RATE]\n");
        return 2;
    }
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)atoi(arguments[2]));
    if (inet_pton(AF_INET, arguments[1], &address.sin_addr) != 1) die("address");
    int width = atoi(arguments[3]);
    double rate = count > 5 ? atof(arguments[5]) : 0;
    if (width < 1 || width > MAX_CONNECTIONS) die("connections");
    read_requests(arguments[4]);
    connections = calloc((size_t)width, sizeof *connections);
    latencies_us = calloc(request_count + 1, sizeof *latencies_us);
    if (!connections || !latencies_us) die("memory");
    for (int i = 0; i < width; i++) {
        open_connection(&connections[i], &address);
        polls[i].events = POLLIN;
    }
    uint64_t start = now_ns();
    size_t next = 0;
    while (answered < request_count) {
        int wait_ms = 1000;
        for (int i = 0; i < width && next < request_count; i++) {
            if (connections[i].busy) continue;
            uint64_t now = now_ns();
            uint64_t due = rate > 0 ? start + (uint64_t)((double)next * 1e9 / rate) : now;
            if (due > now) {
                wait_ms = (int)((due - now) / 1000000);
                break;
            }
            send_request(&connections[i], &requests[next++], due);
        }
        for (int i = 0; i < width; i++) polls[i].fd = connections[i].busy ? connections[i].descriptor : -1;
        if (poll(polls, (nfds_t)width, wait_ms) < 0) die("poll");
        for (int i = 0; i < width; i++)
            if (polls[i].revents & (POLLIN | POLLHUP | POLLERR)) take_answer(&connections[i], &address);
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    qsort(latencies_us, answered, sizeof *latencies_us, by_value);
    printf("{\"requests\": %zu, \"seconds\": %.6f, \"per_second\": %.1f, \"p50_us\": %u, "
           "\"p99_us\": %u, \"max_us\": %u, \"2xx\": %zu, \"4xx\": %zu, \"5xx\": %zu}\n",
           answered, seconds, (double)answered / seconds, quantile(0.5), quantile(0.99),
           quantile(1.0), statuses[2], statuses[4], statuses[5]);
    return 0;
}
