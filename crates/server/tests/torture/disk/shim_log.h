/*
 * The log of a disk that fails: what was changed, what stood there before, and what was synced.
 *
 *   write|truncate NUMBER INODE FROM LENGTH SIZE-BEFORE OLD-BYTES   (hexadecimal, nothing for zeros)
 *   create|remove NUMBER GRAVE PATH -
 *   rename NUMBER GRAVE FROM TO
 *   sync|syncdir NUMBER INODE                                       (covers what has this number or a smaller one)
 *
 * A change is noted before it is made, a sync after it. Include it once, after the system's headers.
 */

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

static int log_file = -1;
static const char *graves;
static uint64_t sequence;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static void put(const char *text, size_t length) {
  while (length) {
    ssize_t done = REAL(write)(log_file, text, length);
    if (done <= 0) abort();
    text += done;
    length -= done;
  }
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...) {
  char line[4096];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (length < 0 || length >= (int)sizeof line) abort();
  put(line, length);
}

static uint64_t inode_of(int fd, uint64_t *size) {
  struct stat status;
  if (fstat(fd, &status)) abort();
  if (size) *size = status.st_size;
  return status.st_ino;
}

/* Bytes that are about to be overwritten or cut off, in hexadecimal; nothing for zeros. */
static void put_old(int fd, uint64_t from, uint64_t to) {
  static const char digits[] = "0123456789abcdef";
  char old[4096], text[sizeof old * 2];
  int zeros = 1;
  for (int pass = 0; pass < 2 && !(pass && zeros); pass++) {
    for (uint64_t at = from; at < to;) {
      size_t wanted = to - at < sizeof old ? to - at : sizeof old;
      ssize_t had = REAL(pread)(fd, old, wanted, at);
      if (had <= 0) break;
      for (ssize_t index = 0; index < had; index++) {
        zeros &= !old[index];
        text[2 * index] = digits[(unsigned char)old[index] >> 4];
        text[2 * index + 1] = digits[old[index] & 15];
      }
      if (pass) put(text, 2 * had);
      at += had;
    }
  }
  put("\n", 1);
}

static void note_bytes(const char *what, int fd, uint64_t from, uint64_t length) {
  if (log_file < 0) return;
  pthread_mutex_lock(&log_lock);
  uint64_t size, inode = inode_of(fd, &size);
  uint64_t to = from + length < size ? from + length : size;
  note("%s %lu %lu %lu %lu %lu ", what, ++sequence, inode, from, length, size);
  put_old(fd, from, to);
  pthread_mutex_unlock(&log_lock);
}

/* Keeps what a name stands for, before it stands for something else; 0 if there is nothing. */
static uint64_t bury(const char *path) {
  char grave[4096];
  uint64_t number = ++sequence;
  snprintf(grave, sizeof grave, "%s/%d-%lu", graves, (int)getpid(), number);
  return link(path, grave) ? 0 : number;
}

static void note_name(const char *what, const char *from, const char *to) {
  if (log_file < 0) return;
  pthread_mutex_lock(&log_lock);
  uint64_t grave = bury(to ? to : from);
  note("%s %lu %d-%lu %s %s\n", what, ++sequence, (int)getpid(), grave, from, to ? to : "-");
  pthread_mutex_unlock(&log_lock);
}
