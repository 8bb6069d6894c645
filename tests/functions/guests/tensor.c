// Answers the tensor that a picture becomes, and what the description of the model "m" says of its output.
#include <model.h>

static lt_model model;
static lt_picture_input input;

LT_EXPORT(init) void init(void) {
    model = lt_model_of("m");
    lt_picture_input_of(&input, &model);
}

LT_EXPORT(handle) int32_t handle(void) {
    size_t length;
    uint8_t *body = lt_request(&length);
    const char *wrong = lt_fill(&input, body, length);
    if (wrong) lt_log(wrong);
    if (!wrong) lt_answer(input.bytes, input.tensor.bytes);
    return wrong ? 400 : 0;
}
