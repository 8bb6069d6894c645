// What every function needs: the request, the answer, the log, its files.
//
// export function init(): void      runs once, when the function is deployed. What it leaves in memory is what every
//                                   request starts from, so read files and build tables there.
// export function handle(): i32     answers one request. 0, or a number that makes the answer an error: 400 to 599 where
//                                   it is an HTTP status.

@external("wasi_snapshot_preview1", "fd_read")
declare function fd_read(descriptor: u32, vectors: usize, count: u32, done: usize): i32;

@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(descriptor: u32, vectors: usize, count: u32, done: usize): i32;

@external("wasi_snapshot_preview1", "fd_close")
declare function fd_close(descriptor: u32): i32;

@external("wasi_snapshot_preview1", "path_open")
declare function path_open(
  folder: u32, flags: u32, path: usize, length: u32, create: u32, rights: u64, inherited: u64, more: u32, descriptor: usize,
): i32;

const FILES: u32 = 3; // the folder of the function's files
const MAY_READ: u64 = 2;

@unmanaged
class Vector {
  data: usize;
  length: u32;
}

function readAll(descriptor: u32): StaticArray<u8> {
  let bytes = new StaticArray<u8>(1 << 16);
  let length: u32 = 0;
  const vector = new Vector();
  const done = new StaticArray<u32>(1);
  while (true) {
    vector.data = changetype<usize>(bytes) + length;
    vector.length = <u32>bytes.length - length;
    if (fd_read(descriptor, changetype<usize>(vector), 1, changetype<usize>(done))) fail("input cannot be read");
    if (!done[0]) break;
    length += done[0];
    if (length < <u32>bytes.length) continue;
    const larger = new StaticArray<u8>(bytes.length * 2);
    memory.copy(changetype<usize>(larger), changetype<usize>(bytes), length);
    bytes = larger;
  }
  const all = new StaticArray<u8>(length);
  memory.copy(changetype<usize>(all), changetype<usize>(bytes), length);
  return all;
}

function write(descriptor: u32, data: usize, length: u32): void {
  const vector = new Vector();
  const done = new StaticArray<u32>(1);
  while (length) {
    vector.data = data;
    vector.length = length;
    if (fd_write(descriptor, changetype<usize>(vector), 1, changetype<usize>(done)) || !done[0]) unreachable();
    data += done[0];
    length -= done[0];
  }
}

function writeText(descriptor: u32, text: string): void {
  const bytes = String.UTF8.encode(text);
  write(descriptor, changetype<usize>(bytes), bytes.byteLength);
}

// All of the request's body.
export function request(): StaticArray<u8> {
  return readAll(0);
}

// Adds to the answer.
export function answer(text: string): void {
  writeText(1, text);
}

// Adds a line to the function's log.
export function log(line: string): void {
  writeText(2, line + "\n");
}

// Logs a line and ends this request (or the deployment, in `init`) with it.
export function fail(line: string): void {
  log(line);
  unreachable();
}

// What the language itself calls when it cannot go on.
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const where = file ? file + ":" + line.toString() + ":" + column.toString() + ": " : "";
  fail(where + (message ? message : "abort"));
}

// The text of one of the function's files; null where there is none of that name.
export function file(path: string): string | null {
  const name = String.UTF8.encode(path);
  const descriptor = new StaticArray<u32>(1);
  const wrong = path_open(
    FILES, 0, changetype<usize>(name), name.byteLength, 0, MAY_READ, 0, 0, changetype<usize>(descriptor),
  );
  if (wrong) return null;
  const bytes = readAll(descriptor[0]);
  fd_close(descriptor[0]);
  return String.UTF8.decodeUnsafe(changetype<usize>(bytes), bytes.length);
}
