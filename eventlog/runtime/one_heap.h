// Memory of a process that holds one device.
#pragma once

namespace intentlog {

// From now on all threads of this process allocate from one heap. glibc gives each thread a heap of
// its own, which keeps what it once needed: 8 MiB of a device that catches up, for 5 % of its rate.
// And large buffers go back to the system: with each one that is freed glibc raises the size from
// which it does that, unless a limit was set; 4 MiB of the same device.
// For the program of a device to call first of all, not for a library.
void UseOneHeap();

}  // namespace intentlog
