// SPDX-License-Identifier: GPL-3.0-or-later
// Preloaded by tst_realtime: counts what the audio thread must not do (allocate, lock, sleep, touch
// files) between rtguard_enter and rtguard_exit of the same thread.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#include <atomic>
#include <cstddef>

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
}

namespace {
// initial-exec: reading the variable must not itself allocate
__thread int depth __attribute__((tls_model("initial-exec"))) = 0;
std::atomic<int> hits{0};
const char* volatile lastHit = "";

inline void hit(const char* what) {
  if (depth <= 0) return;
  hits.fetch_add(1);
  lastHit = what;
}
template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}
}  // namespace

extern "C" {
void rtguard_enter() { ++depth; }
void rtguard_exit() { --depth; }
int rtguard_hits() { return hits.exchange(0); }
const char* rtguard_last() { return lastHit; }

void* malloc(size_t n) {
  hit("malloc");
  return __libc_malloc(n);
}
void* calloc(size_t n, size_t m) {
  hit("calloc");
  return __libc_calloc(n, m);
}
void* realloc(void* p, size_t n) {
  hit("realloc");
  return __libc_realloc(p, n);
}
void* aligned_alloc(size_t a, size_t n) {
  hit("aligned_alloc");
  return __libc_memalign(a, n);
}
int posix_memalign(void** p, size_t a, size_t n) {
  hit("posix_memalign");
  *p = __libc_memalign(a, n);
  return *p ? 0 : 12;
}
void free(void* p) {
  if (p) hit("free");
  __libc_free(p);
}
int pthread_mutex_lock(pthread_mutex_t* m) {
  static const auto real = next<int (*)(pthread_mutex_t*)>("pthread_mutex_lock");
  hit("pthread_mutex_lock");
  return real(m);
}
int nanosleep(const timespec* a, timespec* b) {
  static const auto real = next<int (*)(const timespec*, timespec*)>("nanosleep");
  hit("nanosleep");
  return real(a, b);
}
ssize_t read(int fd, void* to, size_t n) {
  static const auto real = next<ssize_t (*)(int, void*, size_t)>("read");
  hit("read");
  return real(fd, to, n);
}
ssize_t write(int fd, const void* from, size_t n) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  hit("write");
  return real(fd, from, n);
}
FILE* fopen(const char* path, const char* mode) {
  static const auto real = next<FILE* (*)(const char*, const char*)>("fopen");
  hit("fopen");
  return real(path, mode);
}
}
