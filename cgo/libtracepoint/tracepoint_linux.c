// SPDX-License-Identifier: Apache-2.0

//go:build cgo && !linuxtracepoints

// The bundled implementation of the libtracepoint interface, over the kernel's user_events ABI
// (include/uapi/linux/user_events.h, Documentation/trace/user_events.rst).
//
// The exporter reaches it by userevents_open_provider_file, tracepoint_connect, tracepoint_write, userevents_disconnect
// and userevents_close_provider, and the Go wrapper's OpenProvider also by tracepoint_open_provider, which finds the
// file with mountinfo_linux.c. The rest is there because the interface has it:
// tracepoint_open_provider_with_tracepoints, tracepoint_close_provider, connecting to a closed provider, and connecting
// again.

#include "bundled.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

// The interface fixes the layout, so that programs and implementations may be compiled apart.
_Static_assert(sizeof(tracepoint_list_node) == 2 * sizeof(void *), "list node");
_Static_assert(offsetof(tracepoint_provider_state, data_file) == 0, "data_file");
_Static_assert(offsetof(tracepoint_provider_state, ref_count) == 4, "ref_count");
_Static_assert(offsetof(tracepoint_provider_state, tracepoint_list_head) == 8, "tracepoint_list_head");
_Static_assert(offsetof(tracepoint_state, status_word) == 0, "status_word");
_Static_assert(offsetof(tracepoint_state, write_index) == 4, "write_index");
_Static_assert(offsetof(tracepoint_state, provider_state) == 8, "provider_state");
_Static_assert(offsetof(tracepoint_state, tracepoint_list_link) == 8 + sizeof(void *), "tracepoint_list_link");

// Distributions older than the feature have no linux/user_events.h, so the ABI is declared here. The kernel derives
// the ioctl numbers from pointer types, hence from the size of a pointer.
typedef struct __attribute__((packed)) user_event_registration {
    uint32_t size;
    uint8_t enable_bit;
    uint8_t enable_size;
    uint16_t flags;
    uint64_t enable_addr;
    uint64_t name_args;
    uint32_t write_index;
} user_event_registration;

typedef struct __attribute__((packed)) user_event_removal {
    uint32_t size;
    uint8_t disable_bit;
    uint8_t reserved1;
    uint16_t reserved2;
    uint64_t disable_addr;
} user_event_removal;

_Static_assert(sizeof(user_event_registration) == 28, "struct user_reg");
_Static_assert(sizeof(user_event_removal) == 16, "struct user_unreg");

#define USER_EVENTS_REGISTER _IOWR('*', 0, user_event_registration *)
#define USER_EVENTS_UNREGISTER _IOW('*', 2, user_event_removal *)

// The one bit of the status word that this implementation asks the kernel to keep.
enum { enable_bit = 0 };

// Lists and provider states change only under this lock.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void list_insert(tracepoint_list_node *head, tracepoint_list_node *node)
{
    if (head->next == NULL) {
        head->next = head;
        head->prev = head;
    }
    node->next = head->next;
    node->prev = head;
    head->next->prev = node;
    head->next = node;
}

static void list_remove(tracepoint_list_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = NULL;
    node->prev = NULL;
}

static tracepoint_state *state_of(tracepoint_list_node *link)
{
    return (tracepoint_state *)((char *)link - offsetof(tracepoint_state, tracepoint_list_link));
}

static int register_state(int data_file, tracepoint_state *state, char const *name_args)
{
    user_event_registration registration = {
        .size = sizeof(registration),
        .enable_bit = enable_bit,
        .enable_size = sizeof(state->status_word),
        .enable_addr = (uintptr_t)&state->status_word,
        .name_args = (uintptr_t)name_args,
    };
    if (ioctl(data_file, USER_EVENTS_REGISTER, &registration) < 0)
        return errno;
    state->write_index = (int)registration.write_index;
    return 0;
}

// The kernel finds an enable word by its address and by the calling thread, which must be the one that registered it,
// or one cloned from that. Which descriptor of user_events_data it is does not matter.
static int unregister_state(int data_file, tracepoint_state *state)
{
    user_event_removal removal = {
        .size = sizeof(removal),
        .disable_bit = enable_bit,
        .disable_addr = (uintptr_t)&state->status_word,
    };
    return ioctl(data_file, USER_EVENTS_UNREGISTER, &removal) < 0 ? errno : 0;
}

// The caller holds the lock, as for every function below that ends in _locked. Returns the errno of unregistering.
static int disconnect_locked(tracepoint_state *state)
{
    int err = 0;
    if (state->provider_state != NULL) {
        if (state->write_index >= 0 && state->provider_state->data_file >= 0)
            err = unregister_state(state->provider_state->data_file, state);
        list_remove(&state->tracepoint_list_link);
    }
    // The kernel is no longer a writer of the word, but another thread may be reading it.
    __atomic_store_n(&state->status_word, 0, __ATOMIC_RELAXED);
    state->write_index = -1;
    state->provider_state = NULL;
    return err;
}

static int disconnect_all_locked(tracepoint_provider_state *provider)
{
    int first = 0;
    tracepoint_list_node *head = &provider->tracepoint_list_head;
    while (head->next != NULL && head->next != head) {
        int err = disconnect_locked(state_of(head->next));
        if (first == 0)
            first = err;
    }
    head->next = NULL;
    head->prev = NULL;
    return first;
}

static int connect_locked(tracepoint_state *state, tracepoint_provider_state *provider, char const *name_args)
{
    disconnect_locked(state);
    if (provider == NULL)
        return 0;
    list_insert(&provider->tracepoint_list_head, &state->tracepoint_list_link);
    state->provider_state = provider;
    if (provider->data_file < 0)
        return 0;
    return register_state(provider->data_file, state, name_args);
}

// The provider owns file from here on; -1 leaves it closed. Returns 0, or errno as it stands where file is -1.
static int adopt_locked(tracepoint_provider_state *provider, int file)
{
    if (file < 0)
        return errno;
    disconnect_all_locked(provider);
    provider->data_file = file;
    return 0;
}

// With USEREVENTS_STAND_IN this is a stand-in for LinuxTracepoints, whose library opens one descriptor in a process,
// without O_CLOEXEC, never closes it, and remembers a failed open. For scripts/interface-test only.
#ifdef USEREVENTS_STAND_IN
enum { data_file_flags = O_WRONLY };
#else
// Registering and writing need no read permission, so none is asked for.
enum { data_file_flags = O_WRONLY | O_CLOEXEC };
#endif

static int find_and_open(void)
{
    int const flags = data_file_flags;
    int file = open("/sys/kernel/tracing/user_events_data", flags);
    if (file >= 0)
        return file;
    int err = errno;
    int tracefs_seen = err != ENOENT;

    FILE *mountinfo = fopen("/proc/self/mountinfo", "re");
    if (mountinfo != NULL) {
        char paths[16384];
        size_t used = userevents_data_file_candidates(mountinfo, paths, sizeof paths);
        fclose(mountinfo);
        for (size_t at = 0; at < used; at++) {
            tracefs_seen = 1;
            file = open(paths + at, flags);
            if (file >= 0)
                return file;
            // "Permission denied" says more than that another mount has no such file.
            if (err == ENOENT)
                err = errno;
            while (paths[at] != '\0')
                at++;
        }
    }
    errno = tracefs_seen ? err : ENOTSUP;
    return -1;
}

#ifdef USEREVENTS_STAND_IN

static int open_data_file(void)
{
    static int file = -1;
    static int remembered;
    if (file < 0 && remembered == 0) {
        file = find_and_open();
        remembered = errno;
    }
    errno = remembered;
    return file;
}

static void close_data_file(int file) { (void)file; }

#else

static int open_data_file(void) { return find_and_open(); }

static void close_data_file(int file) { close(file); }

#endif

static int open_locked(tracepoint_provider_state *provider)
{
    if (provider->data_file >= 0)
        return EBUSY;
    return adopt_locked(provider, open_data_file());
}

int tracepoint_open_provider(tracepoint_provider_state *provider_state)
{
    pthread_mutex_lock(&lock);
    int err = open_locked(provider_state);
    pthread_mutex_unlock(&lock);
    return err;
}

// By address, NULLs last.
static int compare_pointers(void const *left, void const *right)
{
    uintptr_t l = (uintptr_t)*(void const *const *)left;
    uintptr_t r = (uintptr_t)*(void const *const *)right;
    if (l == r)
        return 0;
    if (l == 0)
        return 1;
    if (r == 0)
        return -1;
    return l < r ? -1 : 1;
}

size_t userevents_sort_pointers(void const **start, void const **stop)
{
    if (start >= stop)
        return 0;
    size_t count = (size_t)(stop - start);
    qsort(start, count, sizeof *start, compare_pointers);
    size_t kept = 0;
    for (size_t i = 0; i < count && start[i] != NULL; i++)
        if (kept == 0 || start[kept - 1] != start[i])
            start[kept++] = start[i];
    for (size_t i = kept; i < count; i++)
        start[i] = NULL;
    return kept;
}

int tracepoint_open_provider_with_tracepoints(
    tracepoint_provider_state *provider_state,
    tracepoint_definition const **tp_definition_start,
    tracepoint_definition const **tp_definition_stop)
{
    pthread_mutex_lock(&lock);
    int err = open_locked(provider_state);
    if (err == 0) {
        size_t count = userevents_sort_pointers((void const **)tp_definition_start, (void const **)tp_definition_stop);
        for (size_t i = 0; i < count; i++)
            connect_locked(tp_definition_start[i]->state, provider_state, tp_definition_start[i]->tp_name_args);
    }
    pthread_mutex_unlock(&lock);
    return err;
}

static int open_file_locked(tracepoint_provider_state *provider, int data_file)
{
    if (provider->data_file >= 0)
        return EBUSY;
    // The kernel registers through a descriptor that cannot write, and then says EBADF to each write, as it does where
    // nobody listens.
    int flags = fcntl(data_file, F_GETFL);
    if (flags < 0)
        return errno;
    if ((flags & O_ACCMODE) == O_RDONLY)
        return EACCES;
    return adopt_locked(provider, fcntl(data_file, F_DUPFD_CLOEXEC, 0));
}

int userevents_open_provider_file(tracepoint_provider_state *provider_state, int data_file)
{
    pthread_mutex_lock(&lock);
    int err = open_file_locked(provider_state, data_file);
    pthread_mutex_unlock(&lock);
    return err;
}

int userevents_close_provider(tracepoint_provider_state *provider_state)
{
    pthread_mutex_lock(&lock);
    // A closed provider may have tracepoints, too.
    int err = disconnect_all_locked(provider_state);
    // Where something else has closed the descriptor, its number may be another file's by now.
    if (provider_state->data_file >= 0 && err != EBADF && err != ENOTTY)
        close_data_file(provider_state->data_file);
    provider_state->data_file = -1;
    pthread_mutex_unlock(&lock);
    return err;
}

void tracepoint_close_provider(tracepoint_provider_state *provider_state)
{
    userevents_close_provider(provider_state);
}

int tracepoint_connect(
    tracepoint_state *tp_state,
    tracepoint_provider_state *provider_state,
    char const *tp_name_args)
{
    pthread_mutex_lock(&lock);
    int err = connect_locked(tp_state, provider_state, tp_name_args);
    pthread_mutex_unlock(&lock);
    return err;
}

int userevents_disconnect(tracepoint_state *tp_state)
{
    pthread_mutex_lock(&lock);
    int err = disconnect_locked(tp_state);
    pthread_mutex_unlock(&lock);
    return err;
}

int tracepoint_write(
    tracepoint_state const *tp_state,
    unsigned data_count,
    struct iovec *data_vecs)
{
    tracepoint_provider_state const *provider = tp_state->provider_state;
    if (provider == NULL || provider->data_file < 0 || tp_state->write_index < 0 || !TRACEPOINT_ENABLED(tp_state))
        return EBADF;
    // An event starts with the index that the registration gave.
    data_vecs[0].iov_base = (void *)&tp_state->write_index;
    data_vecs[0].iov_len = sizeof tp_state->write_index;
    return writev(provider->data_file, data_vecs, (int)data_count) >= 0 ? 0 : errno;
}
