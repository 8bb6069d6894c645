// Tells what is in a picture. The request is a PNG, JPEG or BMP; the answer is JSON: the five classes that the model is
// surest of, as [{"index": 1, "label": "goldfish, Carassius auratus", "score": 0.9}, ...], or {"error": "..."}.
#include <littoral.h>
#include <model.h>
#include <wasi_nn.h>

enum { TOP = 5, BAD_REQUEST = 400, FAILED = 500 };

static const char MODEL[] = "classifier";  // as the manifest calls it

static lt_model model;
static lt_picture_input input;
static lt_tensor output;
static uint8_t *scores;

// Runs once, when the function is deployed: labels are read and tables made here, not in each request.
LT_EXPORT(init) void init(void) {
    model = lt_model_of(MODEL);
    lt_picture_input_of(&input, &model);
    output = lt_output_of(&model, 0);
    scores = lt_allocate(output.bytes);
}

// Runs the model on the tensor of `input`; its first output goes to `scores`.
static wasi_nn_errno infer(void) {
    const lt_tensor *t = &input.tensor;
    wasi_nn_tensor tensor = {t->dimensions, t->rank, t->type, input.bytes, t->bytes};
    wasi_nn_graph graph;
    wasi_nn_graph_execution_context context;
    uint32_t written;
    wasi_nn_errno wrong = wasi_nn_load_by_name(MODEL, sizeof MODEL - 1, &graph);
    if (!wrong) wrong = wasi_nn_init_execution_context(graph, &context);
    if (!wrong) wrong = wasi_nn_set_input(context, 0, &tensor);
    if (!wrong) wrong = wasi_nn_compute(context);
    if (!wrong) wrong = wasi_nn_get_output(context, 0, scores, output.bytes, &written);
    return wrong;
}

// The classes with the highest scores, the highest first; of equal ones the first.
static uint32_t find_best(uint32_t best[TOP], double best_scores[TOP]) {
    uint32_t count = 0;
    for (uint32_t index = 0; index < output.elements; index++) {
        double score = lt_real(&output, scores, index);
        uint32_t place = count;
        while (place > 0 && score > best_scores[place - 1]) place--;
        if (place == TOP) continue;
        if (count < TOP) count++;
        for (uint32_t below = count - 1; below > place; below--) {
            best[below] = best[below - 1];
            best_scores[below] = best_scores[below - 1];
        }
        best[place] = index;
        best_scores[place] = score;
    }
    return count;
}

static void answer_best(void) {
    uint32_t best[TOP];
    double best_scores[TOP];
    uint32_t count = find_best(best, best_scores);
    lt_text text = {0};
    for (uint32_t place = 0; place < count; place++) {
        lt_add(&text, place ? ", {\"index\": " : "[{\"index\": ");
        lt_add_whole(&text, best[place]);
        lt_add(&text, ", \"label\": ");
        lt_add_json_string(&text, best[place] < model.label_count ? model.labels[best[place]] : "");
        lt_add(&text, ", \"score\": ");
        lt_add_number(&text, best_scores[place]);
        lt_add(&text, "}");
    }
    lt_add(&text, "]\n");
    lt_answer(text.bytes, text.length);
}

static int32_t refuse(int32_t status, const char *why) {
    lt_text text = {0};
    lt_add(&text, "{\"error\": ");
    lt_add_json_string(&text, why);
    lt_add(&text, "}\n");
    lt_answer(text.bytes, text.length);
    return status;
}

// Answers one request, in an instance of its own that starts from what `init` left.
LT_EXPORT(handle) int32_t handle(void) {
    size_t length;
    uint8_t *picture = lt_request(&length);
    const char *wrong = lt_fill(&input, picture, length);
    if (wrong) return refuse(BAD_REQUEST, wrong);
    if (infer()) return refuse(FAILED, "the model cannot be run; the log says why");
    answer_best();
    return 0;
}
