/* A stand-in for libedgetpu: no chip, and none of Google's code. Tests build it; nothing else may use it.
 *
 * It exports the plug-in symbols and the C interface of libedgetpu, takes `edgetpu-custom-op` nodes, and asks a pretended
 * chip for their answers: a process at the other end of the Unix socket that EDGETPU_STANDIN names (board.py). What the
 * library itself decides is decided here, as libedgetpu's sources have it; what the hardware does is the chip's business.
 *
 * A message is a letter, a length (32 bits) and so many bytes; so is an answer:
 *   L                            -> K and lines "usb PATH" or "pci PATH" in the vendor's order
 *   O "usb PATH"                 -> K: the connection is that chip's from now on, or E
 *   P custom options             -> K and a handle (32 bits): the chip has the package
 *   I handle, inputs             -> K and outputs, one after the other
 * E is an error and its words, X asks the library to crash. A chip that is gone closes the connection.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef STANDIN_VERSION
#define STANDIN_VERSION "BuildLabel(stand-in), RuntimeVersion(14)"
#endif

/* What is used of tflite/core/c/common.h, whose structs only ever grow at their ends. */
typedef struct { int size; int data[]; } Ints;
typedef struct { int type; void *data; Ints *dims; float scale; int32_t zero_point; int allocation; size_t bytes;
                 const void *mapped; const char *name; void *delegate; int handle; bool stale; bool variable;
                 int quantization_type; void *quantization; void *sparsity; const Ints *signature; } Tensor;
typedef struct { Ints *inputs, *outputs, *intermediates, *temporaries; void *user_data, *builtin_data;
                 const void *custom_data; int custom_size; void *delegate; } Node;
typedef struct Context Context;
typedef struct Delegate Delegate;
typedef struct { void *(*init)(Context *, const char *, size_t); void (*free)(Context *, void *);
                 int (*prepare)(Context *, Node *); int (*invoke)(Context *, Node *);
                 const char *(*profiling)(const Context *, const Node *); int32_t builtin_code; const char *custom_name;
                 int version; void *external, *async_kernel; uint64_t inplace; uint64_t spare[8]; } Registration;
struct Context { size_t tensors_size; int (*get_execution_plan)(Context *, Ints **); Tensor *tensors; void *impl;
                 void *resize_tensor; void (*report_error)(Context *, const char *, ...); void *add_tensors;
                 int (*get_node)(Context *, int, Node **, Registration **);
                 int (*replace)(Context *, Registration, const Ints *, Delegate *); };
struct Delegate { void *data; int (*prepare)(Context *, Delegate *); void *from_handle, *to_handle, *free_handle;
                  int64_t flags; void *opaque; uint64_t spare[8]; };
typedef struct { Delegate *delegate; Ints *nodes, *inputs, *outputs; } Params;
struct edgetpu_device { int type; const char *path; };
struct edgetpu_option { const char *name; const char *value; };

enum { OK = 0, ERROR = 1, ALLOW_DYNAMIC_TENSORS = 1, PCI = 0, USB = 1, ANY = 2, MOST = 16 };
static const char *const KINDS[] = {"pci", "usb"}, *const NAMES[] = {"Apex (PCIe)", "Apex (USB)"};

typedef struct { int kind; char path[256]; int connection; int users; } Chip; /* one that this process has opened */
typedef struct { Chip *chip; const void *options; int size; uint32_t handle; bool registered; } Kernel;
typedef struct { char status; uint32_t size; char *bytes; } Answer;

static Chip opened[MOST];
static int verbosity;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void say(int level, const char *words) {
    if (verbosity >= level) fprintf(stderr, "I stand-in] %s\n", words);
}

static bool all(int connection, void *bytes, size_t size, bool sending) {
    for (char *at = bytes; size;) {
        ssize_t done = sending ? send(connection, at, size, MSG_NOSIGNAL) : read(connection, at, size);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        at += done, size -= (size_t)done;
    }
    return true;
}

static int connect_to_chips(void) {
    const char *path = getenv("EDGETPU_STANDIN");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || strlen(path) >= sizeof address.sun_path) return -1;
    strcpy(address.sun_path, path);
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection >= 0 && connect(connection, (struct sockaddr *)&address, sizeof address) == 0) return connection;
    if (connection >= 0) close(connection);
    return -1;
}

/* The bytes are the caller's to free; their end is a zero. Status 0: nobody is there any more. */
static Answer hear(int connection) {
    Answer answer = {0};
    if (!all(connection, &answer.status, 1, false) || !all(connection, &answer.size, 4, false)) return (Answer){0};
    answer.bytes = calloc(answer.size + 1u, 1);
    if (answer.bytes && all(connection, answer.bytes, answer.size, false)) return answer;
    free(answer.bytes);
    return (Answer){0};
}

static bool tell(int connection, char what, uint32_t size) {
    return all(connection, &what, 1, true) && all(connection, &size, 4, true);
}

static Answer ask(int connection, char what, const void *bytes, uint32_t size) {
    if (!tell(connection, what, size) || !all(connection, (void *)bytes, size, true)) return (Answer){0};
    return hear(connection);
}

/* The lines of the chips' list; NULL where there is nobody to ask. The caller frees them. */
static char *list(void) {
    int connection = connect_to_chips();
    if (connection < 0) return NULL;
    Answer answer = ask(connection, 'L', "", 0);
    close(connection);
    return answer.bytes;
}

static Chip *open_chip(int kind, const char *path) {
    Chip *slot = NULL;
    for (Chip *chip = opened; chip < opened + MOST; chip++) {
        if (chip->users && chip->kind == kind && strcmp(chip->path, path) == 0) return chip->users++, chip;
        if (!chip->users) slot = chip;
    }
    if (!slot || strlen(path) >= sizeof slot->path) return NULL;
    char line[300];
    int size = snprintf(line, sizeof line, "%s %s", KINDS[kind], path);
    int connection = connect_to_chips();
    Answer answer = connection < 0 ? (Answer){0} : ask(connection, 'O', line, (uint32_t)size);
    if (answer.status != 'K') {
        if (verbosity >= 1)
            fprintf(stderr, "I stand-in] Failed to open device [%s] at [%s]: %s\n", NAMES[kind], path,
                    answer.bytes ? answer.bytes : "no answer");
        free(answer.bytes);
        if (connection >= 0) close(connection);
        return NULL;
    }
    free(answer.bytes);
    *slot = (Chip){.kind = kind, .connection = connection, .users = 1};
    strcpy(slot->path, path);
    return slot;
}

/* The chip of an index among those of a kind; the first where none is given. */
static Chip *open_listed(int kind, int index) {
    char *lines = list(), *rest = lines;
    Chip *chip = NULL;
    if (!lines || !*lines) say(5, "No device is available.");
    for (char *line; (line = strsep(&rest, "\n"));) {
        int is = strncmp(line, "pci ", 4) == 0 ? PCI : USB;
        if (!*line || (kind != ANY && is != kind)) continue;
        if (index-- > 0) continue;
        chip = open_chip(is, line + 4);
        break;
    }
    free(lines);
    return chip;
}

static bool is_one_of(const char *value, const char *const *accepted) {
    for (; *accepted; accepted++)
        if (strcmp(value, *accepted) == 0) return true;
    return false;
}

static bool is_queue_length(const char *value) {
    char *end;
    long length = strtol(value, &end, 10);
    return *value && !*end && length >= 0 && length <= 256;
}

static bool accepts(const char *name, const char *value) {
    static const char *const speeds[] = {"Low", "Medium", "High", "Max", NULL}, *const truths[] = {"True", "False", NULL};
    if (strcmp(name, "Performance") == 0) return is_one_of(value, speeds);
    if (strcmp(name, "Usb.AlwaysDfu") == 0) return is_one_of(value, truths);
    if (strcmp(name, "Usb.MaxBulkInQueueLength") == 0) return is_queue_length(value);
    return true;
}

/* Like libedgetpu: other options count only where the device has an index. */
static Chip *open_as_asked(char **names, char **values, size_t count) {
    const char *device = "";
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], "device") == 0) device = values[i];
    if (!*device) return open_listed(ANY, 0);
    if (strcmp(device, "usb") == 0) return open_listed(USB, 0);
    if (strcmp(device, "pci") == 0) return open_listed(PCI, 0);
    const char *colon = strchr(device, ':');
    char *end = NULL;
    long index = colon ? strtol(colon + 1, &end, 10) : -1;
    if (index < 0 || !colon[1] || *end) return NULL;
    for (size_t i = 0; i < count; i++)
        if (!accepts(names[i], values[i])) return say(1, "Invalid setting."), NULL;
    if (colon == device) return open_listed(ANY, (int)index);
    if (colon - device != 3 || (strncmp(device, "usb", 3) && strncmp(device, "pci", 3))) return NULL;
    return open_listed(*device == 'u' ? USB : PCI, (int)index);
}

static void release(Chip *chip) {
    pthread_mutex_lock(&lock);
    if (--chip->users == 0) close(chip->connection);
    pthread_mutex_unlock(&lock);
}

/* What libedgetpu does when a transfer fails: it ends the process. */
static void lose(void) {
    fprintf(stderr, "F usb_driver.cc:1148] HandleQueuedBulkIn transfer in failed. USB transfer error 5 [LibUsbDataInCallback]\n");
    abort();
}

static int failed(Context *context, const char *what, Answer answer) {
    if (answer.status == 'X') raise(SIGSEGV);
    if (answer.status == 0) lose();
    context->report_error(context, "%s%s", what, answer.bytes);
    free(answer.bytes);
    return ERROR;
}

static void *kernel_init(Context *context, const char *buffer, size_t length) {
    (void)length;
    const Params *params = (const Params *)buffer;
    Kernel *kernel = calloc(1, sizeof *kernel);
    Node *node;
    Registration *registration;
    if (!kernel || context->get_node(context, params->nodes->data[0], &node, &registration)) return kernel;
    kernel->chip = params->delegate->data;
    kernel->options = node->custom_data;
    kernel->size = node->custom_size;
    return kernel;
}

static void kernel_free(Context *context, void *kernel) {
    (void)context;
    free(kernel);
}

static int kernel_prepare(Context *context, Node *node) {
    Kernel *kernel = node->user_data;
    if (kernel->registered) return OK;
    pthread_mutex_lock(&lock);
    Answer answer = ask(kernel->chip->connection, 'P', kernel->options, (uint32_t)kernel->size);
    pthread_mutex_unlock(&lock);
    if (answer.status != 'K' || answer.size != 4) return failed(context, "Failed to prepare for TPU. ", answer);
    memcpy(&kernel->handle, answer.bytes, 4);
    kernel->registered = true;
    free(answer.bytes);
    return OK;
}

static bool send_tensors(Context *context, const Ints *tensors, int connection) {
    for (int i = 0; i < tensors->size; i++) {
        Tensor *tensor = &context->tensors[tensors->data[i]];
        if (!all(connection, tensor->data, tensor->bytes, true)) return false;
    }
    return true;
}

static uint32_t total(const Context *context, const Ints *tensors) {
    size_t bytes = 0;
    for (int i = 0; i < tensors->size; i++) bytes += context->tensors[tensors->data[i]].bytes;
    return (uint32_t)bytes;
}

static int kernel_invoke(Context *context, Node *node) {
    Kernel *kernel = node->user_data;
    int connection = kernel->chip->connection;
    Answer answer = {0};
    pthread_mutex_lock(&lock);
    if (tell(connection, 'I', 4 + total(context, node->inputs)) && all(connection, &kernel->handle, 4, true) &&
        send_tensors(context, node->inputs, connection))
        answer = hear(connection);
    pthread_mutex_unlock(&lock);
    if (answer.status != 'K') return failed(context, "Failed to execute request. ", answer);
    if (answer.size != total(context, node->outputs)) lose();
    const char *at = answer.bytes;
    for (int i = 0; i < node->outputs->size; i++) {
        Tensor *tensor = &context->tensors[node->outputs->data[i]];
        memcpy(tensor->data, at, tensor->bytes);
        at += tensor->bytes;
    }
    free(answer.bytes);
    return OK;
}

static int delegate_prepare(Context *context, Delegate *delegate) {
    static const Registration kernels = {kernel_init, kernel_free, kernel_prepare, kernel_invoke, NULL, 0,
                                         "EdgeTpuDelegateForCustomOp", 1, NULL, NULL, 0, {0}};
    Ints *plan;
    if (context->get_execution_plan(context, &plan)) return ERROR;
    int count = 0, *mine = calloc((size_t)plan->size + 1, sizeof *mine);
    for (int i = 0; i < plan->size; i++) { /* the plan changes while nodes are replaced */
        Node *node;
        Registration *registration;
        if (context->get_node(context, plan->data[i], &node, &registration)) continue;
        if (registration->custom_name && strcmp(registration->custom_name, "edgetpu-custom-op") == 0)
            mine[count++] = plan->data[i];
    }
    for (int i = 0; i < count; i++) {
        struct { int size, node; } one = {1, mine[i]};
        context->replace(context, kernels, (const Ints *)&one, delegate);
    }
    free(mine);
    return OK;
}

static Delegate *make(Chip *chip) {
    Delegate *delegate = chip ? calloc(1, sizeof *delegate) : NULL;
    if (delegate) *delegate = (Delegate){.data = chip, .prepare = delegate_prepare, .flags = ALLOW_DYNAMIC_TENSORS};
    return delegate;
}

Delegate *tflite_plugin_create_delegate(char **names, char **values, size_t count, void (*report)(const char *)) {
    (void)report; /* libedgetpu never says why */
    pthread_mutex_lock(&lock);
    Chip *chip = open_as_asked(names, values, count);
    pthread_mutex_unlock(&lock);
    return make(chip);
}

void tflite_plugin_destroy_delegate(Delegate *delegate) {
    if (!delegate) return;
    release(delegate->data);
    free(delegate);
}

Delegate *edgetpu_create_delegate(int type, const char *name, const struct edgetpu_option *options, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!accepts(options[i].name, options[i].value)) return NULL;
    pthread_mutex_lock(&lock);
    Chip *chip = name ? open_chip(type, name) : open_listed(type, 0);
    pthread_mutex_unlock(&lock);
    return make(chip);
}

void edgetpu_free_delegate(Delegate *delegate) { tflite_plugin_destroy_delegate(delegate); }

struct edgetpu_device *edgetpu_list_devices(size_t *count) {
    char *lines = list(), *rest = lines;
    *count = 0;
    if (!lines || !*lines) return free(lines), NULL;
    struct edgetpu_device *devices = malloc(MOST * sizeof *devices + strlen(lines) + 1);
    char *paths = (char *)(devices + MOST);
    for (char *line; devices && *count < MOST && (line = strsep(&rest, "\n"));) {
        if (!*line) continue;
        devices[(*count)++] = (struct edgetpu_device){strncmp(line, "pci ", 4) ? USB : PCI, paths};
        paths = stpcpy(paths, line + 4) + 1;
    }
    free(lines);
    return devices;
}

void edgetpu_free_devices(struct edgetpu_device *devices) { free(devices); }

void edgetpu_verbosity(int level) { verbosity = level; }

const char *edgetpu_version(void) { return STANDIN_VERSION; }
