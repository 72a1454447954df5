// Memory of a process that holds one device.
#pragma once

namespace intentlog {

// From now on all threads of this process allocate from one heap, and large buffers go back to the
// system. glibc gives each thread a heap of its own, which keeps what it once needed: 8 MiB of a
// device that catches up, for 5 % of its rate. And with each large buffer that is freed it raises
// the size from which one goes back, unless a limit was set: 5 MiB, for 10 % of processor time.
// For the program of a device to call first of all, not for a library.
void UseOneHeap();

}  // namespace intentlog
