/* What Deno asks of a Windows library that Wine 8 does not have: random bytes. */
#include <windows.h>

/* Exported by advapi32.dll. */
BOOLEAN NTAPI SystemFunction036(PVOID bytes, ULONG count);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count) {
  return SystemFunction036(bytes, (ULONG)count);
}
