// What the host tells of a model in models/NAME.json, and the ways between real values and stored ones.
#ifndef LITTORAL_MODEL_H
#define LITTORAL_MODEL_H

#include "littoral.h"
#include "picture.h"
#include "wasi_nn.h"

enum { LT_MAX_RANK = 8 };

// An input or output. real = scale * (stored - zero_point), where scale is not 0.
typedef struct {
    uint32_t dimensions[LT_MAX_RANK], rank;  // a size that may vary is 1
    uint32_t elements, bytes;
    wasi_nn_tensor_type type;
    bool is_signed;                          // of WASI_NN_U8: the bytes are int8
    float scale;
    int32_t zero_point;
} lt_tensor;

typedef struct {
    const char *name;
    lt_json about;       // all of models/NAME.json
    const char **labels; // of the contract, else the lines of labels.txt
    uint32_t label_count;
} lt_model;

// A model of the manifest; for `init`. Ends with a line in the log where there is none of that name.
lt_model lt_model_of(const char *name);

lt_tensor lt_input_of(const lt_model *model, uint32_t index);
lt_tensor lt_output_of(const lt_model *model, uint32_t index);

// The real value of an element of an output's bytes.
double lt_real(const lt_tensor *tensor, const void *stored, uint32_t index);

// A model's input that takes pictures. Make it in `init`: it has a table of what each of 256 pixel values is stored as.
typedef struct {
    lt_tensor tensor;
    lt_contract contract;
    lt_resizer resizer;
    void *table;         // 256 stored values for each channel
    void *bytes;         // the tensor
} lt_picture_input;

// The first input, which the contract must describe.
void lt_picture_input_of(lt_picture_input *input, const lt_model *model);

// Decodes a picture into `bytes`. NULL, or a text that says what is wrong with it.
const char *lt_fill(lt_picture_input *input, const uint8_t *picture, size_t length);

#endif
