// SPDX-License-Identifier: Apache-2.0

//go:build cgo && !linuxtracepoints

// Where user_events_data may be, by /proc/self/mountinfo (proc_pid_mountinfo(5)).

#include "bundled.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static char const data_file_name[] = "user_events_data";

// The kernel writes blank, tab, newline and backslash as a backslash and three octal digits. In place.
static void unescape(char *text)
{
    char *to = text;
    for (char *from = text; *from != '\0'; to++) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' &&
            from[3] >= '0' && from[3] <= '7') {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

typedef struct mount {
    char *root;
    char *point;
    char *type;
} mount;

// The fields of a line: id, parent, device, root, mount point, options, any number of optional ones, "-", type, ...
// Returns 0 for a line of another form. The line is cut up.
static int parse_mount(char *line, mount *found)
{
    char *rest;
    char *field = strtok_r(line, " \n", &rest);
    for (int number = 0; field != NULL && strcmp(field, "-") != 0; number++) {
        if (number == 3)
            found->root = field;
        else if (number == 4)
            found->point = field;
        field = strtok_r(NULL, " \n", &rest);
    }
    found->type = field == NULL ? NULL : strtok_r(NULL, " \n", &rest);
    if (found->root == NULL || found->point == NULL || found->type == NULL)
        return 0;
    unescape(found->root);
    unescape(found->point);
    return 1;
}

// Appends a path of three parts where it fits whole.
static size_t append(char *buffer, size_t used, size_t size, char const *point, char const *folder, char const *name)
{
    size_t room = size - used;
    int length = snprintf(buffer + used, room, "%s%s%s", point, folder, name);
    if (length < 0 || (size_t)length >= room)
        return used;
    return used + (size_t)length + 1;
}

// What a mount shows: the whole of a file system, or one file of it.
enum shown { whole, data_file_only, something_else };

static enum shown shown_by(mount const *found)
{
    char const *last = strrchr(found->root, '/');
    if (last != NULL && strcmp(last + 1, data_file_name) == 0)
        return data_file_only;
    return strcmp(found->root, "/") == 0 ? whole : something_else;
}

static size_t candidates(
    FILE *mountinfo, char const *type, enum shown shown, char const *folder, char const *name,
    char *buffer, size_t used, size_t size)
{
    char *line = NULL;
    size_t capacity = 0;
    rewind(mountinfo);
    while (getline(&line, &capacity, mountinfo) >= 0) {
        mount found = {0};
        if (parse_mount(line, &found) && strcmp(found.type, type) == 0 && shown_by(&found) == shown)
            used = append(buffer, used, size, found.point, folder, name);
    }
    free(line);
    return used;
}

size_t userevents_data_file_candidates(FILE *mountinfo, char *buffer, size_t size)
{
    size_t used = candidates(mountinfo, "tracefs", whole, "/", data_file_name, buffer, 0, size);
    used = candidates(mountinfo, "tracefs", data_file_only, "", "", buffer, used, size);
    return candidates(mountinfo, "debugfs", whole, "/tracing/", data_file_name, buffer, used, size);
}
