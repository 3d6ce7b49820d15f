"""Small untrained models of transformers, from configurations alone."""

from __future__ import annotations

from torch import nn


def distilbert(classes: int = 4, vocabulary: int = 300) -> nn.Module:
    """Return a DistilBERT with a classification head."""
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    config = DistilBertConfig(
        vocab_size=vocabulary,
        max_position_embeddings=64,
        dim=48,
        hidden_dim=96,
        n_layers=2,
        n_heads=4,
        num_labels=classes,
    )
    return DistilBertForSequenceClassification(config)


def bert(classes: int = 4, vocabulary: int = 300) -> nn.Module:
    """Return a BERT with a classification head."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=vocabulary,
        max_position_embeddings=64,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_labels=classes,
    )
    return BertForSequenceClassification(config)


def vit(classes: int = 2) -> nn.Module:
    """Return a vision transformer for colour images (N, 3, 16, 16), in tiles of 4×4."""
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        image_size=16,
        patch_size=4,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_labels=classes,
    )
    return ViTForImageClassification(config)


def gpt2(vocabulary: int = 300) -> nn.Module:
    """Return a GPT-2."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=64,
        n_embd=48,
        n_layer=2,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
    )
    return GPT2LMHeadModel(config)
