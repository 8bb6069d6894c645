/* A pretended vendor's delegate: adds floats, and doubles them in its own operator "vendor-op". For tests only.

   Options: refuse=WORDS (no delegate, and why)   silent=1 (no delegate, without a word)
            fail=N, crash=N, hang=N (what the Nth call of a delegate does; counted from 1; fail=-1: each)
   The structs are the first fields of LiteRT's (tflite/core/c/common.h); see littoral.runtime.delegate.structs. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, FAILED = 1, ADD = 0, ALLOW_DYNAMIC_TENSORS = 1 };

typedef struct { int size; int data[]; } Ints;

typedef struct {
  int type; void *data; Ints *dims; float scale; int32_t zero_point; int allocation_type; size_t bytes;
  const void *allocation; const char *name; void *delegate; int buffer_handle; bool data_is_stale; bool is_variable;
  int quantization_type; void *quantization_params; void *sparsity; const Ints *dims_signature;
} Tensor;

typedef struct { Ints *inputs, *outputs, *intermediates, *temporaries; void *user_data; } Node;

typedef struct Context Context;
typedef struct Delegate Delegate;

typedef struct {
  void *(*init)(Context *, const char *, size_t);
  void (*free)(Context *, void *);
  int (*prepare)(Context *, Node *);
  int (*invoke)(Context *, Node *);
  const char *(*profiling_string)(const Context *, const Node *);
  int32_t builtin_code; const char *custom_name; int version;
  void *registration_external, *async_kernel; uint64_t inplace_operator;
} Registration;

struct Context {
  size_t tensors_size; int (*get_execution_plan)(Context *, Ints **); Tensor *tensors; void *impl, *resize_tensor;
  void (*report_error)(Context *, const char *, ...); void *add_tensors;
  int (*get_node_and_registration)(Context *, int, Node **, Registration **);
  int (*replace_node_subsets)(Context *, Registration, const Ints *, Delegate *);
};

struct Delegate {
  void *data; int (*prepare)(Context *, Delegate *); void *copy_from, *copy_to, *free_handle; int64_t flags;
  void *opaque; uint64_t spare[8];
};

typedef struct { Delegate *delegate; Ints *nodes, *inputs, *outputs; } Params;

typedef struct { Delegate native; long fail, crash, hang, calls; int kernels; } Vendor;

static int live, misused;

int vendor_live(void) { return live; }      /* delegates that there are */
int vendor_misused(void) { return misused; } /* delegates that were freed before their kernels */

static bool is_own(const Registration *registration) {
  return registration->custom_name && !strcmp(registration->custom_name, "vendor-op");
}

static void *init(Context *context, const char *buffer, size_t length) {
  (void)context; (void)length;
  const Params *params = (const void *)buffer;
  Vendor *vendor = params->delegate->data;
  vendor->kernels++;
  return vendor;
}

static void release(Context *context, void *data) {
  (void)context;
  ((Vendor *)data)->kernels--;
}

static int prepare(Context *context, Node *node) { (void)context; (void)node; return OK; }

static int invoke(Context *context, Node *node) {
  Vendor *vendor = node->user_data;
  long call = ++vendor->calls;
  if (call == vendor->crash) abort();
  while (call == vendor->hang) pause();
  if (call == vendor->fail || vendor->fail < 0) {
    context->report_error(context, "the cable came off");
    return FAILED;
  }
  const Tensor *x = &context->tensors[node->inputs->data[0]];
  const Tensor *y = &context->tensors[node->inputs->data[node->inputs->size - 1]]; /* x again where there is one */
  const Tensor *out = &context->tensors[node->outputs->data[0]];
  for (size_t i = 0; i < out->bytes / sizeof(float); i++)
    ((float *)out->data)[i] = ((const float *)x->data)[i] + ((const float *)y->data)[i];
  return OK;
}

static int take(Context *context, Delegate *delegate) {
  Ints *plan;
  if (context->get_execution_plan(context, &plan) != OK) return FAILED;
  Registration ours = {.init = init, .free = release, .prepare = prepare, .invoke = invoke, .custom_name = "Vendor", .version = 1};
  int *nodes = malloc(plan->size * sizeof *nodes), count = plan->size; /* the plan changes on the way */
  memcpy(nodes, plan->data, count * sizeof *nodes);
  for (int i = 0; i < count; i++) {
    Node *node; Registration *registration;
    context->get_node_and_registration(context, nodes[i], &node, &registration);
    if (registration->builtin_code != ADD && !is_own(registration)) continue;
    Ints *one = malloc(sizeof(Ints) + sizeof(int));
    one->size = 1; one->data[0] = nodes[i];
    int status = context->replace_node_subsets(context, ours, one, delegate);
    free(one);
    if (status != OK) return status;
  }
  free(nodes);
  return OK;
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
  Vendor *vendor = calloc(1, sizeof *vendor);
  for (size_t i = 0; i < count; i++) {
    bool refuses = !strcmp(keys[i], "refuse");
    if (refuses) report(values[i]);
    if (refuses || !strcmp(keys[i], "silent")) { free(vendor); return NULL; }
    if (!strcmp(keys[i], "fail")) vendor->fail = atol(values[i]);
    if (!strcmp(keys[i], "crash")) vendor->crash = atol(values[i]);
    if (!strcmp(keys[i], "hang")) vendor->hang = atol(values[i]);
  }
  vendor->native.data = vendor;
  vendor->native.prepare = take;
  vendor->native.flags = ALLOW_DYNAMIC_TENSORS;
  live++;
  return &vendor->native;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) {
  Vendor *vendor = delegate->data;
  misused += vendor->kernels > 0;
  live--;
  free(vendor);
}
