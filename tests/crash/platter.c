/* A disk that forgets: preloaded into a process, it keeps what that process has brought to the disk, and nothing else.

   What lies below $PLATTER_OF is copied when it is synced: a file's bytes, by its inode, into $PLATTER/data; the names
   in a folder into $PLATTER/names when the folder is synced, each with its inode in it. Everything else a power cut may
   take (tests/crash/power.py). A file's sync does not keep its name: POSIX promises that of a folder's alone. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static void must(int well, const char *what) {
    if (!well) {
        perror(what);
        _exit(97);
    }
}

static void put(const char *folder, const char *name, const char *bytes, ssize_t length, int from) {
    char path[4096], part[4096], buffer[1 << 16];
    must(snprintf(path, sizeof path, "%s/%s/%s", getenv("PLATTER"), folder, name) < (int)sizeof path, "path");
    must(snprintf(part, sizeof part, "%s/part", getenv("PLATTER")) < (int)sizeof part, "path");
    int to = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(to >= 0, part);
    if (from < 0)
        must(write(to, bytes, length) == length, part);
    else
        for (off_t at = 0; (length = pread(from, buffer, sizeof buffer, at)) != 0; at += length)
            must(length > 0 && write(to, buffer, length) == length, part);
    close(to);
    must(rename(part, path) == 0, path);
}

static void keep_bytes(const char *path, const struct stat *found) {
    char name[32];
    int from = open(path, O_RDONLY); /* not the file's own descriptor: it may be open for writing alone */
    if (from < 0)
        return;
    snprintf(name, sizeof name, "%lu", (unsigned long)found->st_ino);
    put("data", name, NULL, 0, from);
    close(from);
}

/* One name: the path below $PLATTER_OF, with % for each slash. */
static void keep_name(const char *path, const struct stat *found) {
    char name[4096], inode[32];
    snprintf(name, sizeof name, "%s", path + strlen(getenv("PLATTER_OF")) + 1);
    for (char *slash = name; (slash = strchr(slash, '/'));)
        *slash = '%';
    put("names", name, inode, snprintf(inode, sizeof inode, "%lu", (unsigned long)found->st_ino), -1);
}

static void keep_names(const char *folder) {
    DIR *listed = opendir(folder);
    if (!listed)
        return;
    for (struct dirent *entry; (entry = readdir(listed));) {
        char path[4096];
        struct stat found;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (stat(path, &found) == 0 && S_ISREG(found.st_mode))
            keep_name(path, &found);
    }
    closedir(listed);
}

static int keep_all(const char *path, const struct stat *found, int kind, struct FTW *where) {
    (void)where;
    if (kind == FTW_F) {
        keep_bytes(path, found);
        keep_name(path, found);
    }
    return 0;
}

static void synced(int file, int everything) {
    char link[64], path[4096];
    const char *root = getenv("PLATTER_OF");
    struct stat found;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (!root || length < 0 || fstat(file, &found) != 0)
        return;
    path[length] = 0;
    if (strncmp(path, root, strlen(root)) != 0 || (path[strlen(root)] != '/' && path[strlen(root)] != 0))
        return;
    pthread_mutex_lock(&one_at_a_time);
    if (everything)
        nftw(root, keep_all, 16, FTW_PHYS);
    else if (S_ISDIR(found.st_mode))
        keep_names(path);
    else
        keep_bytes(path, &found);
    pthread_mutex_unlock(&one_at_a_time);
}

#define KEEPS(name, everything)                                        \
    int name(int file) {                                               \
        int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, #name);      \
        int told = real(file);                                         \
        if (told == 0)                                                 \
            synced(file, everything);                                  \
        return told;                                                   \
    }

KEEPS(fsync, 0)
KEEPS(fdatasync, 0)
KEEPS(syncfs, 1)
