// The body is the first input of the model "model"; the answer is its first output. Plain wasi-nn, no C library.
// The arguments of set_input are built for: -DTYPE=... -DDIMENSIONS=1,224,224,3 -DINPUT=bytes -DOUTPUT=bytes
#define NN(name) __attribute__((import_module("wasi_ephemeral_nn"), import_name(#name)))
#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))
typedef unsigned int u32;
typedef struct { const void *data; u32 size; } vector;
typedef struct { const u32 *dimensions; u32 rank; u32 type; const void *data; u32 size; } tensor;
NN(load_by_name) int load_by_name(const char *name, u32 size, u32 *graph);
NN(init_execution_context) int init_execution_context(u32 graph, u32 *context);
NN(set_input) int set_input(u32 context, u32 index, const tensor *input);
NN(compute) int compute(u32 context);
NN(get_output) int get_output(u32 context, u32 index, void *buffer, u32 room, u32 *written);
WASI(fd_read) int fd_read(u32 descriptor, const vector *parts, u32 count, u32 *done);
WASI(fd_write) int fd_write(u32 descriptor, const vector *parts, u32 count, u32 *done);

static unsigned char input[INPUT] __attribute__((aligned(16))), output[OUTPUT] __attribute__((aligned(16)));
static const u32 dimensions[] = {DIMENSIONS};

EXPORT(handle) int handle(void) {
  u32 graph, context, done;
  int error;
  vector in = {input, sizeof input};
  if ((error = fd_read(0, &in, 1, &done))) return error;
  tensor given = {dimensions, sizeof dimensions / sizeof *dimensions, TYPE, input, done};
  if ((error = load_by_name("model", 5, &graph))) return error;
  if ((error = init_execution_context(graph, &context))) return error;
  if ((error = set_input(context, 0, &given))) return error;
  if ((error = compute(context))) return error;
  if ((error = get_output(context, 0, output, sizeof output, &done))) return error;
  vector out = {output, done};
  return fd_write(1, &out, 1, &done);
}
