// SPDX-License-Identifier: Apache-2.0

//go:build cgo

// Uses the libeventheader-tracepoint interface from C, one check per documented sentence of it, and knows of no
// implementation. With "closed" it needs no kernel with user_events; with "open" it needs one, and root. A program by
// itself, or a part of the tests of the Go package in this folder.

#include <eventheader/eventheader-tracepoint.h>
#include <tracepoint/tracepoint.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int failures;
static int with_kernel;

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);                     \
        }                                                                           \
    } while (0)

#define PROVIDER(variable, name_of_it)                                          \
    tracepoint_provider_state variable##_state = TRACEPOINT_PROVIDER_STATE_INIT; \
    eventheader_provider const variable = {&variable##_state, "", name_of_it}

#define EVENT(variable, level_of_it, keyword_of_it)             \
    tracepoint_state variable##_state = TRACEPOINT_STATE_INIT;  \
    eventheader_tracepoint const variable = {                   \
        &variable##_state, NULL, {eventheader_flag_default, 0, 0, 0, 0, level_of_it}, keyword_of_it}

static int is_initial(tracepoint_state const *state)
{
    tracepoint_state const initial = TRACEPOINT_STATE_INIT;
    return state->status_word == initial.status_word && state->write_index == initial.write_index &&
           state->provider_state == initial.provider_state &&
           state->tracepoint_list_link.next == initial.tracepoint_list_link.next &&
           state->tracepoint_list_link.prev == initial.tracepoint_list_link.prev;
}

static unsigned own_vecs(eventheader_tracepoint const *event)
{
    return event->metadata == NULL ? EVENTHEADER_PREFIX_DATAVEC_COUNT_NO_METADATA : EVENTHEADER_PREFIX_DATAVEC_COUNT;
}

static int write_header(eventheader_tracepoint const *event)
{
    struct iovec vecs[EVENTHEADER_PREFIX_DATAVEC_COUNT];
    return eventheader_write(event, NULL, NULL, own_vecs(event), vecs);
}

static void numbers(void)
{
    CHECK(EVENTHEADER_NAME_MAX == 256);
    CHECK(EVENTHEADER_PREFIX_DATAVEC_COUNT_NO_METADATA == 2 && EVENTHEADER_PREFIX_DATAVEC_COUNT == 3);
    CHECK(eventheader_flag_pointer64 == 1 && eventheader_flag_little_endian == 2 && eventheader_flag_extension == 4);
    CHECK(eventheader_extension_kind_metadata == 1 && eventheader_extension_kind_activity_id == 2);
    CHECK(eventheader_extension_kind_chain_flag == 0x8000 && eventheader_extension_kind_value_mask == 0x7fff);
    CHECK(eventheader_flag_default_with_extension == eventheader_flag_default + 4);
    CHECK(sizeof(eventheader) == 8 && sizeof(eventheader_extension) == 4);
}

// ---- what is written, without a kernel ----

// A socket in place of user_events_data: each writev is one message.
typedef struct wire {
    int reader;
    tracepoint_provider_state provider;
    tracepoint_state state;
} wire;

static void open_wire(wire *w)
{
    int ends[2] = {-1, -1};
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) == 0);
    w->reader = ends[0];
    w->provider = (tracepoint_provider_state)TRACEPOINT_PROVIDER_STATE_INIT;
    w->provider.data_file = ends[1];
    w->state = (tracepoint_state)TRACEPOINT_STATE_INIT;
    w->state.status_word = 1;
    w->state.write_index = 7;
    w->state.provider_state = &w->provider;
}

static void close_wire(wire *w)
{
    close(w->reader);
    close(w->provider.data_file);
}

// Whether exactly one message came, of the index, the header with these flags, and the expected bytes behind it.
static int came(wire *w, eventheader header, uint8_t flags, void const *expected, size_t size)
{
    uint8_t message[512], more[1];
    ssize_t length = recv(w->reader, message, sizeof message, 0);
    int index = 7;
    header.flags = flags;
    return length == (ssize_t)(sizeof index + sizeof header + size) &&
           memcmp(message, &index, sizeof index) == 0 &&
           memcmp(message + sizeof index, &header, sizeof header) == 0 &&
           memcmp(message + sizeof index + sizeof header, expected, size) == 0 &&
           recv(w->reader, more, sizeof more, 0) == -1;
}

typedef struct activity {
    eventheader_extension extension;
    uint8_t ids[32];
} activity;

typedef struct metadata {
    eventheader_extension extension;
    char text[8];
} metadata;

static activity one_activity = {{16, eventheader_extension_kind_activity_id}, "0123456789abcdef"};
static metadata const some_metadata = {{8, eventheader_extension_kind_metadata}, "ev\0a\0\x02z"};

enum { payload_size = 6 };
static char payload[payload_size + 1] = "pay\0lo";

static size_t append(uint8_t *to, size_t used, void const *from, size_t size)
{
    memcpy(to + used, from, size);
    return used + size;
}

// Every combination of activity, related activity, metadata and payload, in one vector and in two, and the two ways in
// which a payload begins with another extension.
static void written_bytes(void)
{
    wire w;
    open_wire(&w);
    for (unsigned round = 0; round < 3 * 2 * 3 * 2; round++) {
        unsigned ids = round % 3, with_metadata = round / 3 % 2, payload_vecs = round / 6 % 3, more = round / 18;
        metadata block = some_metadata;
        uint8_t flags = eventheader_flag_default;
        if (more && with_metadata)
            block.extension.kind |= eventheader_extension_kind_chain_flag;
        else if (more)
            flags |= eventheader_flag_extension;
        eventheader_tracepoint const event = {
            &w.state, with_metadata ? &block.extension : NULL, {flags, 3, 0x1234, 0x5678, 1, 5}, 0x10};
        if (ids > 0 || with_metadata)
            flags |= eventheader_flag_extension;

        uint8_t expected[256];
        size_t size = 0;
        activity expected_activity = one_activity;
        expected_activity.extension.size = (uint16_t)(16 * ids);
        memcpy(expected_activity.ids + 16, "the related one!", 16);
        if (with_metadata || more)
            expected_activity.extension.kind |= eventheader_extension_kind_chain_flag;
        if (ids > 0)
            size = append(expected, size, &expected_activity, sizeof(eventheader_extension) + 16 * ids);
        if (with_metadata)
            size = append(expected, size, &block, sizeof block);
        if (payload_vecs > 0)
            size = append(expected, size, payload, payload_size);

        // The first ones are overwritten, whatever they hold.
        struct iovec vecs[5] = {{payload, 1}, {payload, 2}, {payload, 3}, {payload, 4}, {payload, 5}};
        unsigned used = own_vecs(&event);
        size_t first = payload_vecs == 2 ? 2 : payload_size;
        if (payload_vecs > 0)
            vecs[used++] = (struct iovec){payload, first};
        if (payload_vecs > 1)
            vecs[used++] = (struct iovec){payload + first, payload_size - first};
        CHECK(eventheader_write(&event, ids > 0 ? expected_activity.ids : NULL,
                  ids > 1 ? expected_activity.ids + 16 : NULL, used, vecs) == 0);
        CHECK(came(&w, event.header, flags, expected, size));

        // "dataVecs[2] will be populated with the header extension block"
        if (with_metadata)
            CHECK(vecs[2].iov_base == (void *)&block && vecs[2].iov_len == sizeof block);
    }
    close_wire(&w);
}

static void writing_while_disabled(void)
{
    wire w;
    open_wire(&w);
    w.state.status_word = 0;
    eventheader_tracepoint const event = {
        &w.state, &some_metadata.extension, {eventheader_flag_default, 0, 0, 0, 0, 1}, 1};
    CHECK(write_header(&event) == EBADF);
    uint8_t nothing[1];
    CHECK(recv(w.reader, nothing, sizeof nothing, 0) == -1);
    close_wire(&w);

    EVENT(unconnected, 1, 1);
    CHECK(write_header(&unconnected) == EBADF);
    CHECK(is_initial(&unconnected_state));
}

// ---- opening, connecting and closing, without a kernel ----

static void closing_what_is_closed(void)
{
    PROVIDER(provider, "libeh_closed");
    for (int round = 0; round < 2; round++) {
        eventheader_close_provider(&provider);
        CHECK(provider_state.data_file == -1);
    }
}

static void connecting_while_closed(void)
{
    PROVIDER(provider, "libeh_closed");
    EVENT(event, 4, 0xabc);
    CHECK(eventheader_connect(&event, &provider) == 0);
    CHECK(event_state.provider_state == &provider_state && !TRACEPOINT_ENABLED(&event_state));
    CHECK(write_header(&event) == EBADF);
    CHECK(eventheader_connect(&event, NULL) == 0);
    CHECK(is_initial(&event_state));
    CHECK(eventheader_connect(&event, &provider) == 0);
    eventheader_close_provider(&provider);
    CHECK(is_initial(&event_state));
}

// With or without a kernel that has user_events, a process that calls everything in any order goes on.
static void opening_that_may_fail(void)
{
    PROVIDER(provider, "libeh_closed");
    EVENT(event, 4, 0xabc);
    eventheader_tracepoint const *list[] = {NULL, &event, &event};
    if (eventheader_open_provider_with_events(&provider, list, list + 3) != 0) {
        CHECK(provider_state.data_file == -1);
        CHECK(is_initial(&event_state));
    }
    eventheader_close_provider(&provider);
    (void)eventheader_open_provider(&provider);
    (void)eventheader_connect(&event, &provider);
    (void)write_header(&event);
    eventheader_close_provider(&provider);
    CHECK(provider_state.data_file == -1);
    CHECK(is_initial(&event_state));
}

#ifdef CHECK_PRECONDITIONS
// What the bundled implementation says of a caller's mistakes. Others may end the process.
static void mistakes(void)
{
    char name[EVENTHEADER_NAME_MAX + 1];
    memset(name, 'n', sizeof name);
    PROVIDER(closed, "libeh_closed");
    EVENT(event, 0xff, 0xfedcba9876543210);
    for (size_t length = 230; length < sizeof name; length++) {
        name[length] = '\0';
        eventheader_provider const provider = {&closed_state, "Gg", name};
        // _LffKfedcba9876543210Gg
        int fits = length + 23 < EVENTHEADER_NAME_MAX;
        CHECK(eventheader_connect(&event, &provider) == (fits ? 0 : E2BIG));
        CHECK((event_state.provider_state == &closed_state) == fits);
        CHECK(eventheader_connect(&event, &closed) == 0);
        CHECK(eventheader_connect(&event, &provider) == (fits ? 0 : E2BIG));
        CHECK(event_state.provider_state == &closed_state);
        CHECK(eventheader_connect(&event, NULL) == 0);
        name[length] = 'n';
    }
    static char const *const wrong[][2] = {
        {"a b", ""}, {"a:b", ""}, {NULL, ""}, {"a", "G g"}, {"a", "G:"}, {"a", "G_g"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        eventheader_provider const provider = {&closed_state, wrong[i][1], wrong[i][0]};
        CHECK(eventheader_open_provider(&provider) == EINVAL);
        CHECK(eventheader_open_provider_with_events(&provider, NULL, NULL) == EINVAL);
        CHECK(closed_state.data_file == -1);
    }
}
#else
static void mistakes(void) {}
#endif

// Two threads, each with a provider of its own, and none of them leaves anything.
enum { rounds = 1000 };

static void *open_and_close(void *name)
{
    PROVIDER(provider, name);
    EVENT(event, 4, 1);
    for (int round = 0; round < rounds; round++) {
        CHECK(eventheader_open_provider(&provider) == 0 || !with_kernel);
        CHECK(eventheader_connect(&event, &provider) == 0);
        CHECK((event_state.write_index >= 0) == (provider_state.data_file >= 0));
        CHECK(write_header(&event) == EBADF);
        if (round % 2)
            CHECK(eventheader_connect(&event, NULL) == 0);
        eventheader_close_provider(&provider);
        CHECK(is_initial(&event_state) && provider_state.data_file == -1);
    }
    return NULL;
}

static int next_descriptor(void)
{
    int file = dup(2);
    close(file);
    return file;
}

static void two_threads(void)
{
    pthread_t threads[2];
    static char names[2][16] = {"libeh_thread0", "libeh_thread1"};
    int before = next_descriptor();
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, open_and_close, names[i]) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(next_descriptor() == before);
}

// ---- with a kernel ----

static char const *tracing = "/sys/kernel/tracing";

static FILE *tracing_file(char const *event, char const *name, char const *mode)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s%s%s", tracing, event[0] == '\0' ? "" : "events/user_events/", event, name);
    FILE *file = fopen(path, mode);
    CHECK(file != NULL);
    return file;
}

static void set_enabled(char const *event, int on)
{
    FILE *file = tracing_file(event, "/enable", "w");
    if (file != NULL) {
        fprintf(file, "%d", on);
        fclose(file);
    }
}

// How many events of the name are in ftrace's buffer with a tag.
static int traced(char const *event, unsigned tag)
{
    char wanted[512], line[4096];
    snprintf(wanted, sizeof wanted, " tag=0x%x ", tag);
    FILE *file = tracing_file("", "trace", "r");
    int count = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        count += strstr(line, event) != NULL && strstr(line, wanted) != NULL;
    if (file != NULL)
        fclose(file);
    return count;
}

// An event that is gone leaves its number to the next one, and its records in the buffer.
static void forget_traced(void)
{
    FILE *file = tracing_file("", "trace", "w");
    if (file != NULL)
        fclose(file);
}

static void declared_fields(char const *name)
{
    static char const *const fields[] = {
        "u8 eventheader_flags;", "u8 version;", "u16 id;", "u16 tag;", "u8 opcode;", "u8 level;"};
    char text[4096] = "";
    FILE *file = tracing_file(name, "/format", "r");
    if (file != NULL) {
        (void)!fread(text, 1, sizeof text - 1, file);
        fclose(file);
    }
    char const *at = text;
    for (size_t i = 0; i < sizeof fields / sizeof *fields && at != NULL; i++) {
        at = strstr(at, fields[i]);
        CHECK(at != NULL);
    }
}

static int write_tag(tracepoint_state *state, uint16_t tag)
{
    eventheader_tracepoint const event = {
        state, &some_metadata.extension, {eventheader_flag_default, 0, 0, tag, 0, 5}, 0xfedcba9876543210};
    struct iovec vecs[4] = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {payload, payload_size}};
    return eventheader_write(&event, one_activity.ids, NULL, 4, vecs);
}

static void writing(void)
{
    tracepoint_provider_state provider_state = TRACEPOINT_PROVIDER_STATE_INIT;
    eventheader_provider const provider = {&provider_state, "Ggroup", "libeh_write"};
    char const *name = "libeh_write_L5Kfedcba9876543210Ggroup";
    EVENT(event, 5, 0xfedcba9876543210);
    CHECK(eventheader_open_provider(&provider) == 0);
    CHECK(eventheader_connect(&event, &provider) == 0);
    declared_fields(name);
    CHECK(!TRACEPOINT_ENABLED(&event_state));
    CHECK(write_tag(&event_state, 1) == EBADF);
    set_enabled(name, 1);
    CHECK(TRACEPOINT_ENABLED(&event_state));
    CHECK(write_tag(&event_state, 2) == 0);
    set_enabled(name, 0);
    CHECK(write_tag(&event_state, 3) == EBADF);
    set_enabled(name, 1);

    // Connected again to the same provider, disconnected, and connected.
    CHECK(eventheader_connect(&event, &provider) == 0);
    CHECK(write_tag(&event_state, 4) == 0);
    CHECK(eventheader_connect(&event, NULL) == 0);
    CHECK(is_initial(&event_state));
    CHECK(write_tag(&event_state, 5) == EBADF);
    CHECK(eventheader_connect(&event, &provider) == 0);
    CHECK(write_tag(&event_state, 6) == 0);

    eventheader_close_provider(&provider);
    CHECK(is_initial(&event_state));
    CHECK(write_tag(&event_state, 7) == EBADF);
    for (unsigned tag = 1; tag < 8; tag++)
        CHECK(traced(name, tag) == (tag == 2 || tag == 4 || tag == 6));
    set_enabled(name, 0);
}

static void connecting_that_fails(void)
{
    PROVIDER(provider, "libeh_taken");
    EVENT(event, 1, 1);
    tracepoint_state other = TRACEPOINT_STATE_INIT;
    CHECK(eventheader_open_provider(&provider) == 0);
    CHECK(tracepoint_connect(&other, &provider_state, "libeh_taken_L1K1 u32 a") == 0);
    CHECK(eventheader_connect(&event, &provider) == EADDRINUSE);
    CHECK(!TRACEPOINT_ENABLED(&event_state));
    CHECK(write_header(&event) == EBADF);
    eventheader_close_provider(&provider);
    CHECK(is_initial(&event_state) && is_initial(&other));
}

static void opening_with_a_list(void)
{
    PROVIDER(provider, "libeh_list");
    static tracepoint_state states[3] = {TRACEPOINT_STATE_INIT, TRACEPOINT_STATE_INIT, TRACEPOINT_STATE_INIT};
    static eventheader_tracepoint const events[3] = {
        {&states[0], NULL, {eventheader_flag_default, 0, 0, 30, 0, 1}, 0},
        {&states[1], NULL, {eventheader_flag_default, 0, 0, 31, 0, 2}, 0},
        {&states[2], NULL, {eventheader_flag_default, 0, 0, 32, 0, 1}, 0},
    };
    eventheader_tracepoint const *list[] = {NULL, &events[2], &events[0], NULL, &events[2], &events[1], &events[0]};
    CHECK(eventheader_open_provider_with_events(&provider, list, list + 7) == 0);
    // "sorts and de-duplicates the list (moving NULLs to the end)", by which order is not said.
    CHECK(list[1] == &events[1] && list[0] != list[2] && list[3] == NULL);
    CHECK((list[0] == &events[0] && list[2] == &events[2]) || (list[0] == &events[2] && list[2] == &events[0]));
    // Two events of one level and keyword are one tracepoint.
    set_enabled("libeh_list_L1K0", 1);
    CHECK(TRACEPOINT_ENABLED(&states[0]) && TRACEPOINT_ENABLED(&states[2]));
    CHECK(!TRACEPOINT_ENABLED(&states[1]));
    CHECK(write_header(&events[0]) == 0 && write_header(&events[1]) == EBADF && write_header(&events[2]) == 0);
    CHECK(traced("libeh_list_L1K0", 30) == 1 && traced("libeh_list_L1K0", 32) == 1);
    set_enabled("libeh_list_L1K0", 0);
    eventheader_close_provider(&provider);
    CHECK(is_initial(&states[0]) && is_initial(&states[1]) && is_initial(&states[2]));

    CHECK(eventheader_open_provider_with_events(&provider, list, list) == 0);
    eventheader_close_provider(&provider);
}

// Returns the number of checks that failed.
int check_interface(int open)
{
    failures = 0;
    with_kernel = open;
    numbers();
    written_bytes();
    writing_while_disabled();
    closing_what_is_closed();
    connecting_while_closed();
    opening_that_may_fail();
    mistakes();
    two_threads();
    if (open) {
        forget_traced();
        writing();
        connecting_that_fails();
        opening_with_a_list();
    }
    return failures;
}

#ifndef NO_MAIN
int main(int argc, char **argv)
{
    if (argc != 2 || (strcmp(argv[1], "open") != 0 && strcmp(argv[1], "closed") != 0)) {
        fprintf(stderr, "usage: %s open|closed\n", argv[0]);
        return 2;
    }
    return check_interface(strcmp(argv[1], "open") == 0) == 0 ? 0 : 1;
}
#endif
