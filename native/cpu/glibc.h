/*
 * Binds the functions that glibc gave a newer version to their first one, so that a library built on
 * Debian 12 loads on systems as old as those that Deno itself runs on (glibc 2.27).
 */
#ifndef CPCDR_GLIBC_H
#define CPCDR_GLIBC_H

#if defined(__linux__)
#include <features.h>
#endif

/* The first version that glibc had on the platform. */
#if defined(__x86_64__)
#define CPCDR_FIRST_GLIBC "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define CPCDR_FIRST_GLIBC "GLIBC_2.17"
#endif

#if defined(__GLIBC__) && defined(CPCDR_FIRST_GLIBC) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define CPCDR_BIND(name) __asm__(".symver " #name "," #name "@" CPCDR_FIRST_GLIBC)
CPCDR_BIND(pthread_create);
CPCDR_BIND(pthread_join);
CPCDR_BIND(pthread_once);
CPCDR_BIND(pthread_mutex_trylock);
CPCDR_BIND(pthread_key_create);
CPCDR_BIND(pthread_getspecific);
CPCDR_BIND(pthread_setspecific);
#undef CPCDR_BIND
#endif

#endif
