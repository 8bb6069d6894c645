#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void fail(const char *name, const char *what) {
    lt_text text = {0};
    lt_add(&text, "model ");
    lt_add(&text, name);
    lt_add(&text, ": ");
    lt_add(&text, what);
    text.bytes[text.length - 1] = 0;
    lt_fail(text.bytes);
}

// One label a line; spaces at its end are no part of it.
static void labels_of_lines(lt_model *model, char *text) {
    for (char *line = text; line && *line;) {
        char *next = strchr(line, '\n'), *end = next ? next : line + strlen(line);
        while (end > line && (uint8_t)end[-1] <= ' ') end--;
        *end = 0;
        model->labels = realloc(model->labels, (model->label_count + 1) * sizeof *model->labels);
        if (!model->labels) fail(model->name, "out of memory for its labels.");
        model->labels[model->label_count++] = line;
        line = next ? next + 1 : NULL;
    }
}

static void labels_of_contract(lt_model *model, lt_json list) {
    for (lt_json label = lt_json_first(list); label.at; label = lt_json_next(label)) model->label_count++;
    model->labels = lt_allocate(model->label_count * sizeof *model->labels);
    const char **next = model->labels;
    for (lt_json label = lt_json_first(list); label.at; label = lt_json_next(label)) *next++ = lt_json_string(label);
}

lt_model lt_model_of(const char *name) {
    lt_model model = {.name = name};
    lt_text path = {0};
    size_t length;
    lt_add(&path, "models/");
    lt_add(&path, name);
    lt_add(&path, ".json*");
    path.bytes[path.length - 1] = 0;
    char *text = lt_file(path.bytes, &length);
    if (!text) fail(name, "the manifest has none of that name.");
    free(path.bytes);
    model.about = lt_json_of(text, length);
    lt_json labels = lt_json_get(lt_json_get(model.about, "contract"), "labels");
    if (labels.at) {
        labels_of_contract(&model, labels);
    } else if ((text = lt_file("labels.txt", &length))) {
        labels_of_lines(&model, text);
    }
    return model;
}

static void set_type(lt_tensor *tensor, lt_json type, const char *name) {
    static const struct {
        const char *word;
        wasi_nn_tensor_type type;
        uint8_t size;
    } types[] = {{"float32", WASI_NN_F32, 4}, {"uint8", WASI_NN_U8, 1},  {"int8", WASI_NN_U8, 1}, {"float16", WASI_NN_F16, 2},
                 {"float64", WASI_NN_F64, 8}, {"int32", WASI_NN_I32, 4}, {"int64", WASI_NN_I64, 8}};
    for (size_t index = 0; index < sizeof types / sizeof *types; index++) {
        if (!lt_json_is(type, types[index].word)) continue;
        tensor->type = types[index].type;
        tensor->bytes = tensor->elements * types[index].size;
        tensor->is_signed = lt_json_is(type, "int8");
        return;
    }
    fail(name, "a tensor is of a type that wasi-nn does not have.");
}

static lt_tensor tensor_of(const lt_model *model, const char *side, uint32_t index) {
    lt_json about = lt_json_first(lt_json_get(model->about, side));
    for (; index; index--) about = lt_json_next(about);
    if (!about.at) fail(model->name, "it has fewer inputs or outputs.");
    lt_tensor tensor = {.elements = 1};
    for (lt_json size = lt_json_first(lt_json_get(about, "shape")); size.at; size = lt_json_next(size)) {
        double length = lt_json_number(size, 1);
        if (tensor.rank == LT_MAX_RANK) fail(model->name, "a tensor has more than 8 dimensions.");
        tensor.elements *= tensor.dimensions[tensor.rank++] = length < 0 ? 1 : (uint32_t)length;
    }
    set_type(&tensor, lt_json_get(about, "type"), model->name);
    tensor.scale = (float)lt_json_number(lt_json_get(about, "scale"), 0);
    tensor.zero_point = (int32_t)lt_json_number(lt_json_get(about, "zero_point"), 0);
    return tensor;
}

lt_tensor lt_input_of(const lt_model *model, uint32_t index) { return tensor_of(model, "inputs", index); }
lt_tensor lt_output_of(const lt_model *model, uint32_t index) { return tensor_of(model, "outputs", index); }

static double half(uint32_t bits) {
    int exponent = bits >> 10 & 31;
    double digits = bits & 1023;
    double size = exponent == 31 ? (digits ? NAN : INFINITY) : ldexp(exponent ? digits + 1024 : digits, exponent ? exponent - 25 : -24);
    return bits >> 15 ? -size : size;
}

double lt_real(const lt_tensor *tensor, const void *stored, uint32_t index) {
    double value = NAN;
    switch (tensor->type) {
        case WASI_NN_U8: value = tensor->is_signed ? ((const int8_t *)stored)[index] : ((const uint8_t *)stored)[index]; break;
        case WASI_NN_F16: value = half(((const uint16_t *)stored)[index]); break;
        case WASI_NN_F32: value = ((const float *)stored)[index]; break;
        case WASI_NN_F64: value = ((const double *)stored)[index]; break;
        case WASI_NN_I32: value = ((const int32_t *)stored)[index]; break;
        case WASI_NN_I64: value = (double)((const int64_t *)stored)[index]; break;
    }
    return tensor->scale ? (value - tensor->zero_point) * tensor->scale : value;
}

// A stored byte of a real value: rounded half away from zero, as TFLite's QUANTIZE does, and clamped.
static uint8_t quantized(const lt_tensor *tensor, float real) {
    float low = tensor->is_signed ? -128 : 0, high = low + 255, point = (float)tensor->zero_point;
    float steps = tensor->scale ? real / tensor->scale : real;
    steps = steps < low - point ? low - point : steps > high - point ? high - point : steps;
    return (uint8_t)(int32_t)(roundf(steps) + point);
}

static void make_table(lt_picture_input *input, uint32_t channels) {
    const lt_contract *contract = &input->contract;
    input->table = lt_allocate(channels * 256 * (input->tensor.type == WASI_NN_F32 ? 4 : 1));
    for (uint32_t index = 0; index < channels * 256; index++) {
        uint32_t channel = index >> 8;
        float real = ((float)(index & 255) - (float)contract->mean[channel]) * (float)contract->scale[channel];
        if (input->tensor.type == WASI_NN_F32) {
            ((float *)input->table)[index] = real;
        } else {
            ((uint8_t *)input->table)[index] = quantized(&input->tensor, real);
        }
    }
}

// One number for all channels, or one each.
static void channel_numbers(lt_json value, double otherwise, double numbers[3]) {
    lt_json one = lt_json_first(value);
    for (int channel = 0; channel < 3; channel++, one = lt_json_next(one))
        numbers[channel] = lt_json_number(one.at ? one : value, otherwise);
}

static lt_contract contract_of(lt_json about) {
    lt_json resize = lt_json_get(about, "resize"), colour = lt_json_get(about, "colour");
    lt_contract contract = {
        .width = (uint32_t)lt_json_number(lt_json_get(about, "width"), 0),
        .height = (uint32_t)lt_json_number(lt_json_get(about, "height"), 0),
        .resize = lt_json_is(resize, "area")        ? LT_AREA
                  : lt_json_is(resize, "letterbox") ? LT_LETTERBOX
                  : lt_json_is(resize, "nearest")   ? LT_NEAREST
                                                    : LT_BILINEAR,
        .gray = lt_json_is(colour, "gray"),
        .bgr = lt_json_is(colour, "bgr"),
        .planes = lt_json_is(lt_json_get(about, "layout"), "NCHW"),
    };
    channel_numbers(lt_json_get(about, "mean"), 0, contract.mean);
    channel_numbers(lt_json_get(about, "scale"), 1, contract.scale);
    return contract;
}

void lt_picture_input_of(lt_picture_input *input, const lt_model *model) {
    lt_json about = lt_json_first(lt_json_get(lt_json_get(model->about, "contract"), "inputs"));
    if (!about.at) fail(model->name, "its contract has no input that takes pictures: give it one with littoral embed.");
    *input = (lt_picture_input){.tensor = lt_input_of(model, 0), .contract = contract_of(about)};
    uint32_t channels = input->contract.gray ? 1 : 3, pixels = input->contract.width * input->contract.height;
    if (input->tensor.type != WASI_NN_F32 && input->tensor.type != WASI_NN_U8)
        fail(model->name, "its input is of a type that pictures are not turned into here: float32, int8 and uint8 are.");
    if (input->tensor.elements != pixels * channels) fail(model->name, "its first input has another size than the contract.");
    input->resizer = lt_resizer_of(&input->contract);
    input->bytes = lt_allocate(input->tensor.bytes);
    make_table(input, channels);
}

#define SPREAD(type)                                                                                             \
    for (uint32_t channel = 0; channel < channels; channel++) {                                                  \
        const type *table = (const type *)input->table + 256 * channel;                                          \
        type *out = (type *)input->bytes + channel * (contract->planes ? pixels : 1);                            \
        uint32_t shift = 8 * (contract->bgr ? 2 - channel : channel), step = contract->planes ? 1 : channels;    \
        for (uint32_t index = 0; index < pixels; index++, out += step) *out = table[in[index] >> shift & 255];   \
    }

const char *lt_fill(lt_picture_input *input, const uint8_t *picture, size_t length) {
    const char *wrong = lt_decode(picture, length, &input->resizer.rows);
    if (wrong) return wrong;
    const lt_contract *contract = &input->contract;
    const uint32_t *in = input->resizer.pixels;
    uint32_t channels = contract->gray ? 1 : 3, pixels = contract->width * contract->height;
    if (input->tensor.type == WASI_NN_F32) {
        SPREAD(float)
    } else {
        SPREAD(uint8_t)
    }
    return NULL;
}
