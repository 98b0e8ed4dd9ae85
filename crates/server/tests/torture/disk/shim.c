/*
 * A disk that fails on demand, put between a program and the C library with LD_PRELOAD.
 *
 * Only files below the folder in DISK_FAULTS_BELOW are touched. What fails, and when, is read at each call from a control
 * file of one page (DISK_FAULTS_CONTROL) that is mapped by this library and written by the test, so a running program can
 * be broken and mended. With DISK_FAULTS_LOG every change is also written down, together with what it replaced: a test
 * can then take back what was never synced, as a power loss does. Files that are replaced or removed are kept for that
 * as links in the folder DISK_FAULTS_GRAVES.
 *
 * The layout of the control file, the numbers of operations, places and actions, and the lines of the log stand a second
 * time in faults.rs and power.rs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim_log.h"

enum operation { ANY_CHANGE, WRITE, SYNC, RENAME, CREATE, TRUNCATE, REMOVE, DIRECTORY_SYNC, READ, OPERATIONS };
enum place { ANYWHERE, JOURNAL, PRESENCE, PLACES };
enum action { NOTHING, FAIL, SHORT, KILL_BEFORE, KILL_AFTER, KILL_SHORT };

/* One thing that goes wrong: from the call number `skip` on, `times` calls (0: all). */
struct fault {
  uint64_t active, operation, place, skip, times, action, value, seen, hits;
};

#define FAULTS 16
#define DESCRIPTORS 65536

struct control {
  /* Calls so far, by place and operation. */
  uint64_t counts[PLACES][OPERATIONS];
  /* Syncs of a descriptor whose sync had failed before: there must never be one. */
  uint64_t syncs_repeated;
  struct fault faults[FAULTS];
};

/* What is known of a descriptor below the folder. */
struct descriptor {
  int place_plus_one, is_directory, sync_failed;
};

static struct control *control;
static const char *below;
static size_t below_length;
static struct descriptor descriptors[DESCRIPTORS];

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("DISK_FAULTS_CONTROL"), *log_path = getenv("DISK_FAULTS_LOG");
  below = getenv("DISK_FAULTS_BELOW");
  graves = getenv("DISK_FAULTS_GRAVES");
  if (!path || !below) return;
  below_length = strlen(below);
  int file = REAL(open)(path, O_RDWR | O_CLOEXEC);
  void *page = file < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (page == MAP_FAILED) abort();
  if (log_path && graves) log_file = REAL(open)(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  control = page;
}

/* The place of a path, plus one; 0 if it is none of ours. */
static int place_of(const char *path) {
  if (!control || !path || strncmp(path, below, below_length)) return 0;
  const char *rest = path + below_length;
  if (!strncmp(rest, "/journal", 8)) return JOURNAL + 1;
  if (!strncmp(rest, "/presence", 9)) return PRESENCE + 1;
  return ANYWHERE + 1;
}

static struct descriptor *of(int fd) {
  if (!control || fd < 0 || fd >= DESCRIPTORS || !descriptors[fd].place_plus_one) return NULL;
  return &descriptors[fd];
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* Counts a call and tells what is to happen to it. */
static enum action look(enum operation operation, int place_plus_one, uint64_t *value) {
  int place = place_plus_one - 1, is_change = operation != READ;
  enum action action = NOTHING;
  for (int each = ANYWHERE; each < PLACES; each++) {
    if (each != ANYWHERE && each != place) continue;
    __atomic_add_fetch(&control->counts[each][operation], 1, __ATOMIC_SEQ_CST);
    if (is_change) __atomic_add_fetch(&control->counts[each][ANY_CHANGE], 1, __ATOMIC_SEQ_CST);
  }
  for (struct fault *fault = control->faults; fault < control->faults + FAULTS; fault++) {
    if (!__atomic_load_n(&fault->active, __ATOMIC_SEQ_CST)) continue;
    if (fault->operation != operation && !(fault->operation == ANY_CHANGE && is_change)) continue;
    if (fault->place != ANYWHERE && fault->place != (uint64_t)place) continue;
    uint64_t seen = __atomic_fetch_add(&fault->seen, 1, __ATOMIC_SEQ_CST);
    if (seen < fault->skip || (fault->times && seen >= fault->skip + fault->times)) continue;
    __atomic_add_fetch(&fault->hits, 1, __ATOMIC_SEQ_CST);
    if (action == NOTHING) {
      action = fault->action;
      *value = fault->value;
    }
  }
  if (action == KILL_BEFORE || (action == KILL_SHORT && operation != WRITE)) die();
  return action;
}

/* === What the program calls === */

static int opened(int fd, const char *path) {
  struct stat status;
  int place = place_of(path);
  if (fd >= 0 && fd < DESCRIPTORS && control) {
    int is_directory = place && !fstat(fd, &status) && S_ISDIR(status.st_mode);
    descriptors[fd] = (struct descriptor){place, is_directory, 0};
  }
  return fd;
}

static int open_any(const char *path, int flags, mode_t mode) {
  int place = place_of(path);
  int creates = place && (flags & O_CREAT) && access(path, F_OK);
  uint64_t value = 0;
  enum action action = creates ? look(CREATE, place, &value) : NOTHING;
  if (action == FAIL) {
    errno = value;
    return -1;
  }
  if (creates) note_name("create", path, NULL);
  int fd = opened(REAL(open)(path, flags, mode), path);
  /* An old file that is emptied is not told of in the log: the program always makes new ones under new names. */
  if (action == KILL_AFTER) die();
  return fd;
}

int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  return open_any(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  return open_any(path, flags, mode);
}

int close(int fd) {
  if (of(fd)) descriptors[fd].place_plus_one = 0;
  return REAL(close)(fd);
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off_t at) {
  struct descriptor *descriptor = of(fd);
  if (!descriptor) return REAL(pwrite)(fd, bytes, length, at);
  uint64_t value = 0;
  enum action action = look(WRITE, descriptor->place_plus_one, &value);
  if (action == FAIL) {
    errno = value;
    return -1;
  }
  if ((action == SHORT || action == KILL_SHORT) && value < length) length = value;
  note_bytes("write", fd, at, length);
  ssize_t done = REAL(pwrite)(fd, bytes, length, at);
  if (action == KILL_AFTER || action == KILL_SHORT) die();
  return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return write_at(fd, bytes, length, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) { return write_at(fd, bytes, length, at); }

/* Small files are written where they stand; then the place is where the descriptor is. */
ssize_t write(int fd, const void *bytes, size_t length) {
  if (!of(fd)) return REAL(write)(fd, bytes, length);
  off_t at = lseek(fd, 0, SEEK_CUR);
  ssize_t done = write_at(fd, bytes, length, at);
  if (done > 0) lseek(fd, done, SEEK_CUR);
  return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  /* The program writes its files with the calls above; if that ever changes, the tests must hear of it. */
  if (of(fd)) abort();
  return REAL(writev)(fd, parts, count);
}

static ssize_t read_at(int fd, void *bytes, size_t length, off_t at) {
  struct descriptor *descriptor = of(fd);
  uint64_t value = 0;
  if (descriptor && look(READ, descriptor->place_plus_one, &value) == FAIL) {
    errno = value;
    return -1;
  }
  return REAL(pread)(fd, bytes, length, at);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t at) { return read_at(fd, bytes, length, at); }
ssize_t pread64(int fd, void *bytes, size_t length, off_t at) { return read_at(fd, bytes, length, at); }

static int sync_any(int fd, int (*call)(int)) {
  struct descriptor *descriptor = of(fd);
  if (!descriptor) return call(fd);
  uint64_t value = 0;
  if (descriptor->sync_failed) __atomic_add_fetch(&control->syncs_repeated, 1, __ATOMIC_SEQ_CST);
  enum operation operation = descriptor->is_directory ? DIRECTORY_SYNC : SYNC;
  enum action action = look(operation, descriptor->place_plus_one, &value);
  if (action == FAIL) {
    descriptor->sync_failed = 1;
    errno = value;
    return -1;
  }
  uint64_t upto = __atomic_load_n(&sequence, __ATOMIC_SEQ_CST);
  int result = call(fd);
  if (!result && log_file >= 0) {
    pthread_mutex_lock(&log_lock);
    note("%s %lu %lu\n", descriptor->is_directory ? "syncdir" : "sync", upto, inode_of(fd, NULL));
    pthread_mutex_unlock(&log_lock);
  }
  if (action == KILL_AFTER) die();
  return result;
}

int fsync(int fd) { return sync_any(fd, REAL(fsync)); }
int fdatasync(int fd) { return sync_any(fd, REAL(fdatasync)); }

static int truncate_any(int fd, off_t length) {
  struct descriptor *descriptor = of(fd);
  if (!descriptor) return REAL(ftruncate)(fd, length);
  uint64_t value = 0;
  enum action action = look(TRUNCATE, descriptor->place_plus_one, &value);
  if (action == FAIL) {
    errno = value;
    return -1;
  }
  note_bytes("truncate", fd, length, UINT64_MAX / 2);
  int result = REAL(ftruncate)(fd, length);
  if (action == KILL_AFTER) die();
  return result;
}

int ftruncate(int fd, off_t length) { return truncate_any(fd, length); }
int ftruncate64(int fd, off_t length) { return truncate_any(fd, length); }

int rename(const char *from, const char *to) {
  int place = place_of(to);
  if (!place) return REAL(rename)(from, to);
  uint64_t value = 0;
  enum action action = look(RENAME, place, &value);
  if (action == FAIL) {
    errno = value;
    return -1;
  }
  note_name("rename", from, to);
  int result = REAL(rename)(from, to);
  if (action == KILL_AFTER) die();
  return result;
}

int unlink(const char *path) {
  int place = place_of(path);
  if (!place) return REAL(unlink)(path);
  uint64_t value = 0;
  enum action action = look(REMOVE, place, &value);
  if (action == FAIL) {
    errno = value;
    return -1;
  }
  note_name("remove", path, NULL);
  int result = REAL(unlink)(path);
  if (action == KILL_AFTER) die();
  return result;
}
