// SPDX-License-Identifier: Apache-2.0

//go:build cgo

// Uses the libtracepoint interface from C, one check per documented sentence of it, and knows of no implementation.
// With "closed" it needs no kernel with user_events; with "open" it needs one, and root. A program by itself, or a part
// of the tests of the Go package in this folder.

#include <tracepoint/tracepoint.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            failures++;                                                        \
        }                                                                      \
    } while (0)

static int is_initial(tracepoint_state const *state)
{
    tracepoint_state const initial = TRACEPOINT_STATE_INIT;
    return state->status_word == initial.status_word && state->write_index == initial.write_index &&
           state->provider_state == initial.provider_state &&
           state->tracepoint_list_link.next == initial.tracepoint_list_link.next &&
           state->tracepoint_list_link.prev == initial.tracepoint_list_link.prev;
}

static int write_word(tracepoint_state const *state, unsigned word)
{
    struct iovec vecs[2] = {{NULL, 0}, {&word, sizeof word}};
    return tracepoint_write(state, 2, vecs);
}

static void initial_values(void)
{
    tracepoint_provider_state provider = TRACEPOINT_PROVIDER_STATE_INIT;
    CHECK(provider.data_file == -1);
    CHECK(provider.ref_count == 0);
    CHECK(provider.tracepoint_list_head.next == NULL && provider.tracepoint_list_head.prev == NULL);
    tracepoint_state state = TRACEPOINT_STATE_INIT;
    CHECK(state.status_word == 0);
    CHECK(state.write_index == -1);
    CHECK(state.provider_state == NULL);
    CHECK(state.tracepoint_list_link.next == NULL && state.tracepoint_list_link.prev == NULL);
}

// Whether the state is connected to the provider, which is closed or whose registration failed.
static int is_connected_only(tracepoint_state const *state, tracepoint_provider_state const *provider)
{
    return state->provider_state == provider && !TRACEPOINT_ENABLED(state) && write_word(state, 1) == EBADF;
}

// A provider that is closed already disconnects what is connected to it, so that no list has a state whose memory is
// gone.
static void closing_a_closed_provider(tracepoint_provider_state *provider)
{
    tracepoint_close_provider(provider);
    tracepoint_state states[2] = {TRACEPOINT_STATE_INIT, TRACEPOINT_STATE_INIT};
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2; i++) {
            CHECK(tracepoint_connect(&states[i], provider, "libtp_closed u32 a") == 0);
            CHECK(is_connected_only(&states[i], provider));
        }
        tracepoint_close_provider(provider);
        CHECK(provider->data_file == -1);
        CHECK(is_initial(&states[0]) && is_initial(&states[1]));
    }
}

// With or without a kernel that has user_events, a process that calls everything in any order goes on.
static void opening_that_may_fail(tracepoint_provider_state *provider)
{
    tracepoint_state state = TRACEPOINT_STATE_INIT;
    CHECK(tracepoint_connect(&state, provider, "libtp_closed u32 a") == 0);
    if (tracepoint_open_provider(provider) == 0) {
        CHECK(is_initial(&state));
    } else {
        CHECK(provider->data_file == -1);
        CHECK(is_connected_only(&state, provider));
    }
    (void)tracepoint_connect(&state, provider, "libtp_closed u32 a");
    (void)write_word(&state, 1);
    tracepoint_close_provider(provider);
    CHECK(provider->data_file == -1);
    CHECK(is_initial(&state));
}

static void writing_while_disconnected(void)
{
    tracepoint_state state = TRACEPOINT_STATE_INIT;
    CHECK(!TRACEPOINT_ENABLED(&state));
    CHECK(write_word(&state, 1) == EBADF);
    CHECK(is_initial(&state));
}

static void connecting_to_no_provider(void)
{
    tracepoint_state state = TRACEPOINT_STATE_INIT;
    CHECK(tracepoint_connect(&state, NULL, "libtp_none u32 a") == 0);
    CHECK(is_initial(&state));
    CHECK(write_word(&state, 1) == EBADF);
}

static void connecting_to_a_closed_provider(void)
{
    tracepoint_provider_state provider = TRACEPOINT_PROVIDER_STATE_INIT;
    tracepoint_provider_state other = TRACEPOINT_PROVIDER_STATE_INIT;
    tracepoint_state first = TRACEPOINT_STATE_INIT;
    tracepoint_state second = TRACEPOINT_STATE_INIT;
    CHECK(tracepoint_connect(&first, &provider, "libtp_closed u32 a") == 0);
    CHECK(tracepoint_connect(&second, &provider, "libtp_closed u32 a") == 0);
    CHECK(is_connected_only(&first, &provider) && is_connected_only(&second, &provider));

    // From one closed provider to another, to the same one, and away.
    CHECK(tracepoint_connect(&first, &other, "libtp_closed u32 a") == 0);
    CHECK(first.provider_state == &other && second.provider_state == &provider);
    CHECK(tracepoint_connect(&first, &other, "libtp_closed u32 a") == 0);
    CHECK(first.provider_state == &other);
    CHECK(tracepoint_connect(&first, NULL, NULL) == 0);
    CHECK(is_initial(&first));
    CHECK(tracepoint_connect(&second, NULL, NULL) == 0);
    CHECK(is_initial(&second));
}

// ---- with a kernel ----

static char const *tracing = "/sys/kernel/tracing";

static void set_enabled(char const *event, int on)
{
    char path[256];
    snprintf(path, sizeof path, "%s/events/user_events/%s/enable", tracing, event);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    if (file != NULL) {
        fprintf(file, "%d", on);
        fclose(file);
    }
}

// How many events of the name are in ftrace's buffer with "a=<value>".
static int traced(char const *event, unsigned value)
{
    char path[256], wanted[64], line[4096];
    snprintf(path, sizeof path, "%s/trace", tracing);
    snprintf(wanted, sizeof wanted, "%s: a=0x%x (", event, value);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    int count = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        count += strstr(line, wanted) != NULL;
    if (file != NULL)
        fclose(file);
    return count;
}

// An event that is gone leaves its number to the next one, and its records in the buffer.
static void forget_traced(void)
{
    char path[256];
    snprintf(path, sizeof path, "%s/trace", tracing);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    if (file != NULL)
        fclose(file);
}

static void opening_resets_what_was_connected(void)
{
    tracepoint_provider_state provider = TRACEPOINT_PROVIDER_STATE_INIT;
    tracepoint_state state = TRACEPOINT_STATE_INIT;
    CHECK(tracepoint_connect(&state, &provider, "libtp_early u32 a") == 0);
    CHECK(tracepoint_open_provider(&provider) == 0);
    CHECK(is_initial(&state));
    tracepoint_close_provider(&provider);
    CHECK(provider.data_file == -1);
}

static void writing(void)
{
    tracepoint_provider_state provider = TRACEPOINT_PROVIDER_STATE_INIT;
    tracepoint_state state = TRACEPOINT_STATE_INIT;
    CHECK(tracepoint_open_provider(&provider) == 0);
    CHECK(tracepoint_connect(&state, &provider, "libtp_write u32 a") == 0);
    CHECK(state.provider_state == &provider);
    CHECK(!TRACEPOINT_ENABLED(&state));
    CHECK(write_word(&state, 1) == EBADF);

    set_enabled("libtp_write", 1);
    CHECK(TRACEPOINT_ENABLED(&state));
    CHECK(write_word(&state, 2) == 0);
    set_enabled("libtp_write", 0);
    CHECK(!TRACEPOINT_ENABLED(&state));
    CHECK(write_word(&state, 3) == EBADF);
    set_enabled("libtp_write", 1);
    CHECK(TRACEPOINT_ENABLED(&state));

    // Shorter than the declared fields: the kernel refuses.
    struct iovec header_only[1] = {{NULL, 0}};
    CHECK(tracepoint_write(&state, 1, header_only) == EINVAL);

    tracepoint_close_provider(&provider);
    CHECK(is_initial(&state));
    CHECK(write_word(&state, 4) == EBADF);
    CHECK(traced("libtp_write", 1) == 0);
    CHECK(traced("libtp_write", 2) == 1);
    CHECK(traced("libtp_write", 3) == 0);
    CHECK(traced("libtp_write", 4) == 0);
    set_enabled("libtp_write", 0);
}

static void reopening(void)
{
    tracepoint_provider_state provider = TRACEPOINT_PROVIDER_STATE_INIT;
    tracepoint_state state = TRACEPOINT_STATE_INIT;
    for (unsigned round = 10; round < 13; round++) {
        CHECK(tracepoint_open_provider(&provider) == 0);
        CHECK(tracepoint_connect(&state, &provider, "libtp_reopen u32 a") == 0);
        set_enabled("libtp_reopen", 1);
        CHECK(TRACEPOINT_ENABLED(&state));
        CHECK(write_word(&state, round) == 0);
        CHECK(traced("libtp_reopen", round) == 1);
        set_enabled("libtp_reopen", 0);
        tracepoint_close_provider(&provider);
        CHECK(is_initial(&state));
    }
}

static void connecting_again(void)
{
    tracepoint_provider_state one = TRACEPOINT_PROVIDER_STATE_INIT;
    tracepoint_provider_state two = TRACEPOINT_PROVIDER_STATE_INIT;
    tracepoint_state state = TRACEPOINT_STATE_INIT;
    CHECK(tracepoint_open_provider(&one) == 0);
    CHECK(tracepoint_open_provider(&two) == 0);
    CHECK(tracepoint_connect(&state, &one, "libtp_again u32 a") == 0);
    CHECK(tracepoint_connect(&state, &one, "libtp_again u32 a") == 0);
    CHECK(tracepoint_connect(&state, &two, "libtp_again u32 a") == 0);
    CHECK(state.provider_state == &two);
    tracepoint_close_provider(&one);
    set_enabled("libtp_again", 1);
    CHECK(TRACEPOINT_ENABLED(&state));
    CHECK(write_word(&state, 20) == 0);
    CHECK(traced("libtp_again", 20) == 1);
    CHECK(tracepoint_connect(&state, NULL, NULL) == 0);
    CHECK(is_initial(&state));
    CHECK(write_word(&state, 21) == EBADF);
    CHECK(traced("libtp_again", 21) == 0);
    set_enabled("libtp_again", 0);
    tracepoint_close_provider(&two);
}

static void registration_that_fails(void)
{
    tracepoint_provider_state provider = TRACEPOINT_PROVIDER_STATE_INIT;
    tracepoint_state right = TRACEPOINT_STATE_INIT;
    tracepoint_state wrong = TRACEPOINT_STATE_INIT;
    CHECK(tracepoint_open_provider(&provider) == 0);
    CHECK(tracepoint_connect(&right, &provider, "libtp_taken u32 a") == 0);
    CHECK(tracepoint_connect(&wrong, &provider, "libtp_taken u64 b") == EADDRINUSE);
    // "Tracepoint's connection will be updated in either case."
    CHECK(wrong.provider_state == &provider);
    CHECK(write_word(&wrong, 1) == EBADF);
    CHECK(tracepoint_connect(&wrong, &provider, "libtp_bad nonsense b") == EINVAL);
    tracepoint_close_provider(&provider);
    CHECK(is_initial(&wrong) && is_initial(&right));
}

static void opening_with_a_list(void)
{
    tracepoint_provider_state provider = TRACEPOINT_PROVIDER_STATE_INIT;
    static tracepoint_state states[3] = {TRACEPOINT_STATE_INIT, TRACEPOINT_STATE_INIT, TRACEPOINT_STATE_INIT};
    static tracepoint_definition const definitions[3] = {
        {&states[0], "libtp_list0 u32 a"},
        {&states[1], "libtp_list1 no_such_type a"},
        {&states[2], "libtp_list2 u32 a"},
    };
    tracepoint_definition const *list[] = {
        NULL, &definitions[2], &definitions[0], NULL, &definitions[2], &definitions[1], &definitions[0],
    };
    CHECK(tracepoint_open_provider_with_tracepoints(&provider, list, list + 7) == 0);
    // Sorted by address, whether up or down; implementations differ in what is behind the first NULL.
    CHECK(list[1] == &definitions[1] && list[0] != list[2] && list[3] == NULL);
    CHECK((list[0] == &definitions[0] && list[2] == &definitions[2]) ||
        (list[0] == &definitions[2] && list[2] == &definitions[0]));
    set_enabled("libtp_list0", 1);
    set_enabled("libtp_list2", 1);
    CHECK(TRACEPOINT_ENABLED(&states[0]) && TRACEPOINT_ENABLED(&states[2]));
    CHECK(!TRACEPOINT_ENABLED(&states[1]));
    CHECK(write_word(&states[0], 30) == 0 && write_word(&states[1], 31) == EBADF && write_word(&states[2], 32) == 0);
    CHECK(traced("libtp_list0", 30) == 1 && traced("libtp_list2", 32) == 1);
    set_enabled("libtp_list0", 0);
    set_enabled("libtp_list2", 0);
    tracepoint_close_provider(&provider);
    CHECK(is_initial(&states[0]) && is_initial(&states[1]) && is_initial(&states[2]));

    CHECK(tracepoint_open_provider_with_tracepoints(&provider, list, list) == 0);
    tracepoint_close_provider(&provider);
}

// Returns the number of checks that failed.
int check_interface(int open)
{
    failures = 0;
    initial_values();
    tracepoint_provider_state provider = TRACEPOINT_PROVIDER_STATE_INIT;
    closing_a_closed_provider(&provider);
    opening_that_may_fail(&provider);
    closing_a_closed_provider(&provider);
    writing_while_disconnected();
    connecting_to_no_provider();
    connecting_to_a_closed_provider();
    if (open) {
        forget_traced();
        opening_resets_what_was_connected();
        writing();
        reopening();
        connecting_again();
        registration_that_fails();
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
