// Answers the real values of the bytes in the request, as an output of the model "m" stores them, and its labels.
#include <model.h>

static lt_model model;
static lt_tensor output;

LT_EXPORT(init) void init(void) {
    model = lt_model_of("m");
    output = lt_output_of(&model, 0);
}

LT_EXPORT(handle) int32_t handle(void) {
    size_t length;
    uint8_t *body = lt_request(&length);
    lt_text text = {0};
    for (uint32_t index = 0; index < output.elements; index++) {
        lt_add(&text, index ? ", " : "{\"values\": [");
        lt_add_number(&text, lt_real(&output, body, index));
    }
    for (uint32_t index = 0; index < model.label_count; index++) {
        lt_add(&text, index ? ", " : "], \"labels\": [");
        lt_add_json_string(&text, model.labels[index]);
    }
    lt_add(&text, "]}");
    lt_answer(text.bytes, text.length);
    return 0;
}
