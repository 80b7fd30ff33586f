// SPDX-License-Identifier: Apache-2.0

// Prints where the bundled implementation would search for user_events_data, by the list of mounts in the file that is
// argument 1, with a buffer of so many bytes as argument 2 says.

#include "bundled.h"

#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    FILE *mountinfo = fopen(argv[1], "re");
    if (mountinfo == NULL)
        return 2;
    size_t size = strtoul(argv[2], NULL, 10);
    char *buffer = malloc(size);
    if (buffer == NULL)
        return 2;
    size_t used = userevents_data_file_candidates(mountinfo, buffer, size);
    for (size_t at = 0; at < used; at += strlen(buffer + at) + 1)
        puts(buffer + at);
    free(buffer);
    fclose(mountinfo);
    return 0;
}
